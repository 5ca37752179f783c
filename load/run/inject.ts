import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { pause, unlessAborted } from '../../deploy/fleet/wait.ts';
import { faultNamed } from '../faults/index.ts';
import type { FaultRecord } from '../users/history.ts';
import { setAsideMs } from '../users/outcome.ts';
import { type Step, secondsOf } from './plan.ts';
import type { Progress } from './progress.ts';

export interface InjectOptions {
  fleet: Fleet;
  steps: Iterable<Step>;
  calmSeconds: number;
  /** No step begins later, in milliseconds of `now`. */
  until: number;
  random: () => number;
  now: () => number;
  progress: Progress;
  ending: AbortSignal;
  /** Aborts if the fleet was taken down: then there is nothing left to heal. */
  down: AbortSignal;
  /** Gets a record when a fault begins; its end is set when it is healed. */
  faults: FaultRecord[];
}

/**
 * Runs the steps: applies each fault, waits, and heals it, also if it did not land. Once `ending` aborts, or a fault could
 * not be applied or healed, it heals what is under way and starts no further step: later faults would prove nothing.
 */
export async function injectFaults(options: InjectOptions): Promise<void> {
  const { steps, calmSeconds, until, now, down, faults } = options;
  const ending = AbortSignal.any([options.ending, down]);
  const isOver = () => ending.aborted || now() > until || faults.some(({ problem }) => problem !== undefined);
  for (const step of steps) {
    // Until the replica serves again, nothing of it is at risk.
    const leastMs = faults.at(-1)?.target === 'replica' ? setAsideMs : 0;
    await pause(Math.max((step.after ?? calmSeconds) * 1000, leastMs), ending);
    if (isOver()) return;
    await applyStep(step, options);
  }
}

async function applyStep(step: Step, options: InjectOptions): Promise<void> {
  const { fleet, random, now, progress, down, faults } = options;
  const ending = AbortSignal.any([options.ending, down]);
  const fault = faultNamed(step.fault);
  const abandoned = new AbortController();
  const isOver = AbortSignal.any([ending, abandoned.signal]);
  const declared = Promise.withResolvers<void>(); // from then on the other steps know which targets are taken
  const others = (step.with ?? []).map(async (other) => {
    await declared.promise;
    await pause((other.after ?? 0) * 1000, isOver);
    if (!isOver.aborted) await applyStep(other, options);
  });
  const taken = faults.filter(({ end }) => end === null).flatMap(({ targets }) => targets);
  const record: FaultRecord = {
    fault: step.fault,
    target: fault.target,
    targets: [],
    start: now(),
    end: null,
    evidence: '',
    impactBudget: fault.impactBudget,
  };
  faults.push(record);
  const heals: (() => Promise<void>)[] = [];
  const fail = (what: string, { message }: Error) => {
    record.problem ??= message;
    progress.report(`${step.fault}: could not be ${what}: ${message}`);
  };
  const declare = (targets: string[], heal?: () => Promise<void>) => {
    record.targets.push(...targets);
    if (heal) heals.unshift(heal);
    declared.resolve();
  };
  try {
    record.evidence = await unlessAborted(down, () => fault.apply(fleet, { random, taken, declare }));
    progress.report(`${step.fault}: ${record.evidence}`);
    await pause(secondsOf(step) * 1000, ending);
  } catch (err) {
    abandoned.abort();
    fail('applied', err as Error);
  }
  declared.resolve();
  let isHealed = true;
  for (const heal of heals) {
    await unlessAborted(down, heal).catch((err: Error) => {
      isHealed = false;
      fail('healed', err);
    });
  }
  if (isHealed) record.end = now();
  await Promise.all(others);
}
