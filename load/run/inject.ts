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
 * Goes through the steps: each fault is applied, lasts, and is healed, also one that did not land. Heals what is under way
 * where `ending` aborts, and begins no more. Begins no more either where one could not be applied or healed: what came
 * after it would prove nothing.
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
  const fault = known[step.fault];
  if (!fault) throw new Error(`a plan names a fault that there is not: ${step.fault}`);
  const givenUp = new AbortController();
  const isOver = AbortSignal.any([ending, givenUp.signal]);
  const begun = Promise.withResolvers<void>(); // it is known what is broken: nothing else is done to that
  const others = (step.with ?? []).map(async (other) => {
    await begun.promise;
    await wait(other.after ?? 0, isOver);
    if (!isOver.aborted) await applyStep(other, options);
  });
  const taken = faults.filter(({ end }) => end === null).flatMap(({ targets }) => targets);
  const record: FaultRecord = {
    fault: step.fault,
    targets: [],
    start: now(),
    end: null,
    landed: '',
    mayCost: fault.mayCost,
  };
  faults.push(record);
  const heals: (() => Promise<void>)[] = [];
  const fail = (what: string, { message }: Error) => {
    record.problem ??= message;
    live.report(`${step.fault}: could not be ${what}: ${message}`);
  };
  const breaks = (targets: string[], heal?: () => Promise<void>) => {
    record.targets.push(...targets);
    if (heal) heals.unshift(heal);
    begun.resolve();
  };
  try {
    record.landed = await fault.apply(fleet, { random, taken, breaks });
    live.report(`${step.fault}: ${record.landed}`);
    await wait(step.seconds ?? fault.seconds, ending);
  } catch (err) {
    givenUp.abort();
    fail('applied', err as Error);
  }
  begun.resolve();
  let isWhole = true;
  for (const heal of heals) {
    await heal().catch((err: Error) => {
      isWhole = false;
      fail('healed', err);
    });
  }
  if (isWhole) record.end = now();
  await Promise.all(others);
}

function wait(seconds: number, ending: AbortSignal): Promise<void> {
  return sleep(seconds * 1000, undefined, { signal: ending }).catch(() => {});
}
