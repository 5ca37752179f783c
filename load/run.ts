import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fleet, FleetError } from '../deploy/fleet/fleet.ts';
import { followAccessLog } from './access-log.ts';
import { startBackground } from './background.ts';
import type { FaultRecord, History } from './history.ts';
import type { Live } from './live.ts';
import type { Mix } from './mix.ts';
import { watchPauses } from './pauses.ts';
import { lackOf, type Plan, stepsOf } from './plan.ts';
import { createRandom } from './random.ts';
import { applySteps } from './steps.ts';
import { createUsers, type Users } from './users.ts';
import { createWitness, type Witness } from './witness.ts';

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
  /** What repeats this run. */
  command: string;
  live: Live;
  /** Ends the run before its time: what is broken is healed, users look again, and there is a history. */
  ending: AbortSignal;
}

const connections = 48;

/** Runs a plan on a fleet that is up: users log in and stay busy, faults come and are healed, users look again. */
export async function runPlan(options: RunOptions): Promise<History> {
  const { fleet, plan, seed, live, mix, ending } = options;
  const { driver, store, http, versions } = await fleet.describe();
  const version = await readVersion(http);
  const replicas = (await fleet.replicas()).map(({ name }) => name);
  const startedAt = new Date();
  const now = createClock();
  const witness = createWitness({ url: http, connections, keys: mix.keys, promises: store === 'durable', now });
  const users = createUsers(witness, options.users, seed, options.rate, mix);
  const log = await followAccessLog(fleet, witness.run);
  const faults: FaultRecord[] = [];
  const skipped: History['skipped'] = [];
  const random = createRandom(seed);
  const pauses = watchPauses(now);
  try {
    await users.logIn();
    live.report(`${options.users} users are logged in; seed ${seed}`);
    const background = options.background > 0 ? startBackground(http, users.cookies(), options.background) : undefined;
    const stop = live.follow(() => stateOf(witness, users, options.users, faults, now));
    const busyUntil = new AbortController();
    const busy = users.stayBusy(busyUntil.signal);
    busy.catch(() => {}); // it is waited for below
    const steps = possible(stepsOf(plan, random), fleet, skipped, live);
    await applySteps({
      fleet,
      steps,
      calmSeconds: plan.calmSeconds,
      until: untilOf(plan, now),
      random,
      now,
      live,
      ending,
      faults,
    });
    await sleep(Math.max(plan.calmSeconds * 1000, (plan.seconds ?? 0) * 1000 - now()), undefined, {
      signal: ending,
    }).catch(() => {});
    // Users are busy until the end: autocannon takes up to a second to stop, which would look like a stall.
    const load = (await background?.stop()) ?? null;
    busyUntil.abort();
    await busy;
    await users.lookAgain();
    stop();
    const strangers = await log.compare(witness.operations);
    return {
      format: 1,
      plan: options.name,
      driver,
      store,
      seed,
      users: options.users,
      replicas,
      startedAt: startedAt.toISOString(),
      command: options.command,
      environment: { unsticky: version, ...versions, ...describeEnvironment(options) },
      invoked: witness.invoked,
      strangers,
      background: load,
      pauses: pauses(),
      skipped,
      interrupted: ending.aborted,
      operations: witness.operations,
      faults,
    };
  } finally {
    pauses();
    await log.close();
    await witness.close();
  }
}

/** What the site says that it is. @throws {FleetError} where nobody answers */
async function readVersion(http: string): Promise<string> {
  const answer = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(5000) }).catch((cause: Error) => {
    throw new FleetError(`nobody answers at ${http}: is the fleet up?`, [], { cause });
  });
  return ((await answer.json()) as { version?: string }).version ?? 'unknown';
}

/** Milliseconds since now, to the microsecond. */
function createClock(): () => number {
  const origin = performance.now();
  return () => Math.round((performance.now() - origin) * 1000) / 1000;
}

/** A drawn plan goes on until its time is over; any other until its steps are. */
function untilOf(plan: Plan, now: () => number): number {
  return plan.isDrawn ? now() + (plan.seconds ?? 0) * 1000 : Infinity;
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

function describeEnvironment({ rate, background, mix, plan }: RunOptions): Record<string, string> {
  const [cpu] = os.cpus();
  return {
    node: process.version,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    processors: `${os.availableParallelism()} × ${cpu?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    'requests a second': `${rate} by users on ${connections} connections, ${background} in the background`,
    'at once, per user': `up to ${mix.hands}`,
    'calm between faults': `${plan.calmSeconds} s`,
  };
}

function stateOf(
  { operations, failed }: Witness,
  users: Users,
  count: number,
  faults: FaultRecord[],
  now: () => number,
): string {
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
