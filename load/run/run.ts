import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fleet, FleetError } from '../deploy/fleet/fleet.ts';
import { followAccessLog } from './access-log.ts';
import { startBackground } from './background.ts';
import { type Crowd, connections, createCrowd } from './crowd.ts';
import type { BackgroundLoad, FaultRecord, History } from './history.ts';
import type { Live } from './live.ts';
import type { Mix } from './mix.ts';
import { lackOf, type Plan, stepsOf } from './plan.ts';
import { createRandom } from './random.ts';
import { applySteps } from './steps.ts';

export interface RunOptions {
  fleet: Fleet;
  name: string;
  plan: Plan;
  users: number;
  /** Requests a second that the users do together, about. */
  rate: number;
  /** Requests a second that autocannon does beside them; 0 for none. */
  background: number;
  mix: Mix;
  seed: number;
  /** What else there is to say of the machine. */
  environment?: Record<string, string>;
  /** What repeats this run. */
  command: string;
  live: Live;
  /** Ends the run before its time: what is broken is healed, users look again, and there is a history. */
  ending: AbortSignal;
  /** Gets the users and what is broken, both as they are from now on, before anybody is logged in. */
  watch?(crowd: Crowd, faults: readonly FaultRecord[]): void;
}

/** Runs a plan on a fleet that is up: users log in and stay busy, faults come and are healed, users look again. */
export async function runPlan(options: RunOptions): Promise<History> {
  const { fleet, name, live, ending, command } = options;
  const { driver, store, http, versions } = await fleet.describe();
  const version = await readVersion(http);
  const replicas = (await fleet.replicas()).map(({ name }) => name);
  const crowd = createCrowd({ ...options, url: http, promises: store === 'durable' });
  const { witness } = crowd;
  const faults: FaultRecord[] = [];
  const skipped: History['skipped'] = [];
  let load: BackgroundLoad | null = null;
  const log = await followAccessLog(fleet, witness.run);
  options.watch?.(crowd, faults);
  try {
    const state = () => stateOf(crowd, options.users, faults);
    await crowd.spend(live, state, async () => {
      const background =
        options.background > 0 ? startBackground(http, crowd.users.cookies(), options.background) : null;
      try {
        await breakThings(options, crowd.now, faults, skipped);
      } finally {
        // Users are busy until the end: autocannon takes up to a second to stop, which would look like a stall.
        load = (await background?.stop()) ?? null;
      }
    });
    const replicasLeft = (await fleet.replicas().catch(() => [])).map(({ name }) => name);
    const strangers = await log.compare(witness.operations);
    const environment = { unsticky: version, ...versions, ...describeEnvironment(options) };
    const known = { format: 1, plan: name, driver, store, replicas, command, environment } as const;
    const seen = { strangers, background: load, replicasLeft, skipped, interrupted: ending.aborted, faults };
    return { ...known, ...crowd.record(), ...seen };
  } finally {
    await log.close();
    await crowd.close();
  }
}

/** Faults come and are healed; then it is calm for a while, and for as long as the plan says. */
async function breakThings(
  { fleet, plan, seed, live, ending }: RunOptions,
  now: () => number,
  faults: FaultRecord[],
  skipped: History['skipped'],
): Promise<void> {
  const { calmSeconds, seconds = 0 } = plan;
  const random = createRandom(seed);
  const steps = possible(stepsOf(plan, random), fleet, skipped, live);
  // A drawn plan goes on until its time is over; any other until its steps are.
  const until = plan.isDrawn ? now() + seconds * 1000 : Infinity;
  await applySteps({ fleet, steps, calmSeconds, until, random, now, live, ending, faults });
  const restMs = Math.max(calmSeconds * 1000, seconds * 1000 - now());
  await sleep(restMs, undefined, { signal: ending }).catch(() => {});
}

/** What the site says that it is. @throws {FleetError} where nobody answers */
async function readVersion(http: string): Promise<string> {
  const answer = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(5000) }).catch((cause: Error) => {
    throw new FleetError(`nobody answers at ${http}: is the fleet up?`, [], { cause });
  });
  return ((await answer.json()) as { version?: string }).version ?? 'unknown';
}

/** The steps that this fleet can have. The others are told, once each. */
function* possible(steps: ReturnType<typeof stepsOf>, fleet: Fleet, skipped: History['skipped'], live: Live) {
  for (const step of steps) {
    const why = lackOf(step, fleet);
    if (why === undefined) yield step;
    else if (!skipped.some(({ fault }) => fault === step.fault)) {
      skipped.push({ fault: step.fault, why: `the ${fleet.driver} fleet lacks ${why}` });
      live.report(`${step.fault}: left out, the ${fleet.driver} fleet lacks ${why}`);
    }
  }
}

function describeEnvironment({ rate, background, mix, plan, environment = {} }: RunOptions): Record<string, string> {
  const [cpu] = os.cpus();
  return {
    node: process.version,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    processors: `${os.availableParallelism()} × ${cpu?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    'requests a second': `${rate} by users on ${connections} connections, ${background} in the background`,
    'at once, per user': `up to ${mix.hands}`,
    'calm between faults': `${plan.calmSeconds} s`,
    ...environment,
  };
}

function stateOf({ witness, users, now }: Crowd, count: number, faults: FaultRecord[]): string {
  const { operations, failed } = witness;
  const from = now() - 1000;
  let last = operations.length;
  while (last > 0 && (operations[last - 1]?.end ?? 0) > from) last -= 1;
  const underWay = faults.filter(({ end }) => end === null).map(({ fault }) => fault);
  return [
    `${Math.round(now() / 1000)} s`,
    `${operations.length - last} requests/s`,
    `${failed} failed`,
    `sessions whole ${users.whole()} of ${count}`,
    underWay.length > 0 ? underWay.join(' + ') : 'calm',
  ].join('  ·  ');
}
