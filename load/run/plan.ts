import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { type FaultName, faultNamed } from '../faults/index.ts';
import { setAsideMs } from '../users/outcome.ts';

/** A fault, when it starts, and what starts with it. */
export interface Step {
  fault: FaultName;
  /** Seconds without a fault before it. */
  after?: number;
  /** Seconds from its start to its heal; each fault has a default. */
  seconds?: number;
  /** Steps that start together with this one; their `after` counts from when it begins to break something. */
  with?: Step[];
}

/** What happens in a run, as data. */
export interface Plan {
  about: string;
  steps: Step[];
  /** Seconds without a fault before each step that sets no `after`. */
  calmSeconds: number;
  /** Users stay busy at least this long. */
  seconds?: number;
  /** Once the steps are done, draws more from these until the seconds are over. */
  drawFrom?: Step[];
}

/** How long a step lasts, in seconds. */
export const secondsOf = ({ fault, seconds = faultNamed(fault).seconds }: Step): number => seconds;

/** Applying a fault and healing it take about this long together. */
const changeSeconds = 2;

/** About how long the plan takes, in seconds. */
export function estimateSeconds(plan: Plan): number {
  const { steps, calmSeconds, seconds = 0 } = plan;
  const lasting = (step: Step) => (step.after ?? calmSeconds) + secondsOf(step) + changeSeconds;
  return Math.round(
    Math.max(
      seconds,
      steps.reduce((sum, step) => sum + lasting(step), lastCalmSecondsOf(plan)),
    ),
  );
}

/** A second more than a replica that was set aside takes to serve again, which is checked at the end. */
const shortestLastCalm = setAsideMs / 1000 + 1;

/** How long it stays calm after the last fault, in seconds. */
export const lastCalmSecondsOf = ({ calmSeconds }: Plan): number => Math.max(calmSeconds, shortestLastCalm);

/** The same faults in about a third of the time, for a gate that must not take long. */
export function quick(plan: Plan): Plan {
  const shorten = (step: Step): Step => {
    const parallel = step.with && { with: step.with.map(shorten) };
    return { ...step, seconds: secondsOf(step) * 0.6, ...parallel };
  };
  const { seconds, ...rest } = plan;
  return { ...rest, ...(seconds && { seconds: seconds / 3 }), calmSeconds: 1.5, steps: plan.steps.map(shorten) };
}

/** The steps of a plan in their order, then, if the plan draws, others without end. */
export function* stepsOf({ steps, drawFrom = [], calmSeconds }: Plan, random: () => number): Generator<Step> {
  yield* steps;
  while (drawFrom.length > 0) {
    const step = drawFrom[Math.floor(random() * drawFrom.length)] as Step;
    const seconds = secondsOf(step) * (0.5 + random());
    yield { ...step, seconds, after: calmSeconds * (0.5 + random()) };
  }
}

/** Why a fleet cannot run a step, or one that starts with it, in words; undefined if it can. */
export function missingCapabilityOf(step: Step, fleet: Fleet): string | undefined {
  const missing = faultNamed(step.fault).missingCapability?.(fleet);
  if (missing) return `not supported by the ${fleet.driver} fleet: ${missing}`;
  return step.with?.map((other) => missingCapabilityOf(other, fleet)).find((reason) => reason !== undefined);
}
