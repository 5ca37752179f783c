import os from 'node:os';
import { type Fleet, FleetError } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import { type Crowd, connections, createCrowd } from '../users/crowd.ts';
import type { BackgroundLoad, FaultRecord, History } from '../users/history.ts';
import { createRandom } from '../users/random.ts';
import type { Workload } from '../users/workload.ts';
import { followAccessLog } from './access-log.ts';
import { startBackground } from './background.ts';
import { injectFaults } from './inject.ts';
import { estimateSeconds, lastCalmSecondsOf, missingCapabilityOf, type Plan, type Step, stepsOf } from './plan.ts';
import { watchMachine } from './machine.ts';
import type { Progress } from './progress.ts';
import { watchForDown } from './taken-down.ts';

export interface RunOptions {
  fleet: Fleet;
  name: string;
  plan: Plan;
  users: number;
  /** Requests per second of all users together, about. */
  rate: number;
  /** Requests per second of autocannon beside them; 0 for none. */
  background: number;
  workload: Workload;
  seed: number;
  /** More facts about the machine, for the history. */
  environment?: Record<string, string>;
  /** The command that repeats this run. */
  command: string;
  progress: Progress;
  /** Ends the run early: faults are healed, the users check once more, and there is a history. */
  ending: AbortSignal;
  /** Called before the first login with the users and the faults, which are then updated in place. */
  watch?(crowd: Crowd, faults: readonly FaultRecord[]): void;
}

/** Runs a plan on a fleet that is up: users log in and stay busy, faults come and are healed, users check once more. */
export async function runPlan(options: RunOptions): Promise<History> {
  const { fleet, name, progress, ending, command } = options;
  const { driver, store, http, versions } = await fleet.describe();
  const version = await readVersion(http);
  const replicas = await namesIn(fleet);
  const down = new AbortController();
  const crowd = createCrowd({ ...options, url: http, promises: store === 'durable', down: down.signal });
  const { witness } = crowd;
  const faults: FaultRecord[] = [];
  const skipped: History['skipped'] = [];
  let backgroundLoad: BackgroundLoad | null = null;
  const log = await followAccessLog(fleet, witness.run);
  const stopWatching = watchForDown(fleet, crowd, down);
  // In containers, to ask Redis is to start a process there: that would be a load of its own.
  const machine = watchMachine(driver === 'local' ? () => fleet.redis.ping(1000) : undefined);
  options.watch?.(crowd, faults);
  try {
    const state = () => describeState(crowd, options, faults);
    await crowd.runDuring(progress, state, async () => {
      const background =
        options.background > 0 ? startBackground(http, crowd.users.cookies(), options.background) : null;
      try {
        await runFaults(options, down.signal, crowd.now, faults, skipped);
      } finally {
        // Users stay busy until then: autocannon takes up to a second to stop, which would look like a stall.
        backgroundLoad = (await background?.stop()) ?? null;
      }
    });
    const replicasAtEnd = await namesIn(fleet).catch(() => []);
    const unmatchedLogLines = down.signal.aborted ? null : await log.compare(witness.operations);
    return crowd.toHistory({
      ...{ plan: name, driver, store, replicas, command, faults, skipped, unmatchedLogLines, backgroundLoad },
      environment: { unsticky: version, ...versions, ...describeEnvironment(options) },
      replicasAtEnd,
      machine: machine(),
      interrupted: ending.aborted,
    });
  } finally {
    stopWatching();
    machine();
    await log.close();
    await crowd.close();
  }
}

const namesIn = async (fleet: Fleet) => (await fleet.replicas()).map(({ name }) => name);

/** Faults come and are healed; then it stays calm for a while, and for as long as the plan says. */
async function runFaults(
  { fleet, plan, seed, progress, ending }: RunOptions,
  down: AbortSignal,
  now: () => number,
  faults: FaultRecord[],
  skipped: History['skipped'],
): Promise<void> {
  const { calmSeconds, seconds = 0 } = plan;
  const random = createRandom(seed);
  const steps = supported(stepsOf(plan, random), fleet, skipped, progress);
  // A plan that draws runs until its time is over; any other until its steps are done.
  const until = plan.drawFrom ? now() + seconds * 1000 : Infinity;
  await injectFaults({ fleet, steps, calmSeconds, until, random, now, progress, ending, down, faults });
  const rest = Math.max(lastCalmSecondsOf(plan) * 1000, seconds * 1000 - now());
  await pause(rest, AbortSignal.any([ending, down]));
}

/** The version that the site reports. @throws {FleetError} without a response */
async function readVersion(http: string): Promise<string> {
  const response = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(5000) }).catch((cause: Error) => {
    throw new FleetError(`no response from ${http}: is the fleet up?`, [], { cause });
  });
  return ((await response.json()) as { version?: string }).version ?? 'unknown';
}

/** The steps that this fleet supports. The others are reported once each. */
function* supported(steps: Iterable<Step>, fleet: Fleet, skipped: History['skipped'], progress: Progress) {
  for (const step of steps) {
    const reason = missingCapabilityOf(step, fleet);
    if (reason === undefined) yield step;
    else if (!skipped.some(({ fault }) => fault === step.fault)) {
      skipped.push({ fault: step.fault, reason });
      progress.report(`${step.fault}: skipped, ${reason}`);
    }
  }
}

function describeEnvironment({ rate, background, workload, plan, environment = {} }: RunOptions) {
  const [cpu] = os.cpus();
  return {
    node: process.version,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    processors: `${os.availableParallelism()} × ${cpu?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    'requests per second': `${rate} by users on ${connections} connections, ${background} in the background`,
    'at once, per user': `up to ${workload.concurrency}`,
    'calm between faults': `${plan.calmSeconds} s`,
    ...environment,
  };
}

function describeState(
  { witness, users, now }: Crowd,
  { plan, users: count }: RunOptions,
  faults: FaultRecord[],
): string {
  const seconds = Math.round(now() / 1000);
  const { operations, failed } = witness;
  const firstRecent = operations.findLastIndex(({ end }) => end <= now() - 1000) + 1;
  const active = faults.filter(({ end }) => end === null).map(({ fault }) => fault);
  return [
    `${seconds} of about ${Math.max(seconds, estimateSeconds(plan))} s`,
    `${operations.length - firstRecent} requests/s`,
    `${failed} failed`,
    `sessions intact ${users.intactCount()} of ${count}`,
    active.length > 0 ? active.join(' + ') : 'calm',
  ].join('  ·  ');
}
