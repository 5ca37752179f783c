import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { startBackground } from './background.ts';
import type { AppliedFault } from './faults/fault.ts';
import type { FaultRecord, History } from './history.ts';
import { faults, type Plan } from './plan.ts';
import { createRandom } from './random.ts';
import { createUsers, type Users } from './users.ts';

export interface RunOptions {
  fleet: Fleet;
  name: string;
  plan: Plan;
  users: number;
  seconds: number;
  seed: number;
  /** Background requests a second. */
  rate: number;
  report: (line: string) => void;
}

/** Runs a plan on a fleet that is up: users log in and stay busy, faults come and are healed, users look again. */
export async function runPlan(options: RunOptions): Promise<History> {
  const { fleet, name, seconds, seed, report } = options;
  const { driver, store, http } = await fleet.describe();
  const origin = performance.now();
  const now = () => Math.round((performance.now() - origin) * 1000) / 1000;
  const users = createUsers(http, options.users, seed, now);
  const replicas = (await fleet.replicas()).map((replica) => replica.name);
  const ending = new AbortController();
  try {
    await users.logIn();
    report(`${options.users} users are logged in`);
    const background = startBackground(http, users.cookies(), options.rate, seconds + 120);
    const busy = users.stayBusy(ending.signal);
    const live = showProgress(users, now, seconds, report);
    const records = await applySteps(options, createRandom(seed), now).finally(() => clearInterval(live));
    // Users are busy until the end: autocannon takes up to a second to stop, which would look like a stall.
    const load = await background.stop();
    ending.abort();
    await busy;
    await users.lookAgain();
    const operations = users.operations;
    return {
      plan: name,
      driver,
      store,
      users: options.users,
      seed,
      operations,
      faults: records,
      background: load,
      replicas,
    };
  } finally {
    ending.abort();
    await users.close();
  }
}

/** Goes through the plan's steps by the clock; what is not healed by then is healed at the end. */
async function applySteps({ fleet, plan, seconds, report }: RunOptions, random: () => number, now: () => number) {
  const records: FaultRecord[] = [];
  const begin = now();
  const until = (part: number) => sleep(Math.max(0, begin + part * seconds * 1000 - now()));
  for (const { fault: name, at, healAt } of plan.steps) {
    await until(at);
    const fault = faults[name];
    if (!fault) throw new Error(`the plan names a fault that there is not: ${name}`);
    const record: FaultRecord = {
      fault: name,
      targets: [],
      start: now(),
      end: null,
      landed: '',
      mayFail: fault.mayFail,
    };
    records.push(record);
    const applied: AppliedFault = await fault.apply(fleet, random);
    Object.assign(record, { targets: applied.targets, landed: applied.landed });
    report(`${name}: ${applied.landed}`);
    if (healAt !== undefined) await until(healAt);
    await applied.heal();
    record.end = now();
    if (healAt !== undefined) report(`${name}: whole again`);
  }
  await until(1);
  return records;
}

/** A line every two seconds: what has happened so far. */
function showProgress({ operations }: Users, now: () => number, seconds: number, report: (line: string) => void) {
  const begin = now();
  return setInterval(() => {
    const failed = operations.filter(({ outcome }) => outcome !== 'ok').length;
    const elapsed = Math.round((now() - begin) / 1000);
    report(`${elapsed} of ${seconds} s: ${operations.length} requests by users, ${failed} failed`);
  }, 2000);
}
