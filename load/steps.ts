import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import type { FaultRecord } from './history.ts';
import type { Live } from './live.ts';
import { faults as known, type Step } from './plan.ts';

export interface ApplyOptions {
  fleet: Fleet;
  steps: Iterable<Step>;
  calmSeconds: number;
  /** No step begins later, in milliseconds of `now`. */
  until: number;
  random: () => number;
  now: () => number;
  live: Live;
  ending: AbortSignal;
  /** Gets a record when a fault begins; its end is set when it is healed. */
  faults: FaultRecord[];
}

/**
 * Goes through the steps: each fault is applied, lasts, and is healed. Heals what is under way where `ending` aborts, and
 * begins no more. Begins no more either where one could not be applied or healed: what came after it would prove nothing.
 */
export async function applySteps(options: ApplyOptions): Promise<void> {
  const { steps, calmSeconds, until, now, ending, faults } = options;
  const isOver = () => ending.aborted || now() > until || faults.some(({ problem }) => problem !== undefined);
  for (const step of steps) {
    await wait(step.after ?? calmSeconds, ending);
    if (isOver()) return;
    await applyStep(step, options);
  }
}

async function applyStep(step: Step, options: ApplyOptions): Promise<void> {
  const { fleet, random, now, live, ending, faults } = options;
  const others = (step.with ?? []).map(async (other) => {
    await wait(other.after ?? 0, ending);
    if (!ending.aborted) await applyStep(other, options);
  });
  const fault = known[step.fault];
  if (!fault) throw new Error(`a plan names a fault that there is not: ${step.fault}`);
  const record: FaultRecord = {
    fault: step.fault,
    targets: [],
    start: now(),
    end: null,
    landed: '',
    mayCost: fault.mayCost,
  };
  faults.push(record);
  try {
    const { targets, landed, heal } = await fault.apply(fleet, random);
    Object.assign(record, { targets, landed });
    live.report(`${step.fault}: ${landed}`);
    await wait(step.seconds ?? fault.seconds, ending);
    await heal?.();
    record.end = now();
  } catch (err) {
    record.problem = (err as Error).message;
    if (record.landed === '') record.end = now(); // there is nothing to heal
    live.report(
      `${step.fault}: ${record.landed === '' ? 'could not be applied' : 'could not be healed'}: ${record.problem}`,
    );
  }
  await Promise.all(others);
}

function wait(seconds: number, ending: AbortSignal): Promise<void> {
  return sleep(seconds * 1000, undefined, { signal: ending }).catch(() => {});
}
