import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { drivers, explain, stores, wholeNumber, withLocalFleet } from '../deploy/fleet/command.ts';
import { createComposeFleet } from '../deploy/fleet/compose.ts';
import { type Fleet, FleetError } from '../deploy/fleet/fleet.ts';
import { type Plan, plans } from './plan.ts';
import { exitCodeOf, runAndJudge } from './verdict.ts';

interface Options {
  plan: string;
  list?: boolean;
  users: number;
  seconds?: number;
  replicas: number;
  rate: number;
  store?: string;
  fleet: string;
  seed: number;
  json?: boolean;
}

const options = readOptions();
if (options.list) {
  for (const [name, { about, seconds }] of Object.entries(plans))
    console.log(`${name.padEnd(14)} ${about} (${seconds} s)`);
  process.exit(0);
}
process.exit(await survive(options, plans[options.plan] as Plan).catch(explainNoVerdict));

function readOptions(): Options {
  return new Command('survive')
    .description('Keeps users busy, breaks something, and judges what they were told. Exit code 0 only on a pass.')
    .addOption(new Option('--plan <plan>', 'what is broken').choices(Object.keys(plans)).default('kill-replica'))
    .option('--list', 'list the plans')
    .option('--users <n>', 'how many users', wholeNumber(1, 10_000), 200)
    .option('--seconds <n>', 'for how long (each plan has its own)', wholeNumber(3, 3600))
    .option('--replicas <n>', 'how many replicas (local)', wholeNumber(2, 50), 3)
    .option('--rate <n>', 'background requests a second', wholeNumber(16, 100_000), 200)
    .addOption(
      new Option('--store <store>', 'where sessions live (local: durable; compose: what is up)').choices(stores),
    )
    .addOption(
      new Option('--fleet <driver>', 'local: one of its own; compose: the one that is up')
        .choices(drivers)
        .default('local'),
    )
    .option(
      '--seed <n>',
      'repeat the choices of a run',
      wholeNumber(0, 2 ** 32 - 1),
      Math.floor(Math.random() * 2 ** 32),
    )
    .option('--json', 'print JSON')
    .parse()
    .opts<Options>();
}

/** A local fleet is the run's own, on free ports, and ends with it; a fleet of containers is up before and after. */
async function survive(options: Options, plan: Plan): Promise<number> {
  const { users, seed, rate, json = false, replicas } = options;
  const report = json ? () => {} : console.log;
  report(`${options.plan}: ${plan.about}`);
  const seconds = options.seconds ?? plan.seconds;
  const run = async (fleet: Fleet) =>
    exitCodeOf(await runAndJudge({ fleet, name: options.plan, plan, users, seconds, seed, rate, report }, json));
  if (options.fleet === 'compose') return run(await requireStore(createComposeFleet(), options.store));

  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-'));
  const settings = { LOG_LEVEL: 'warn', NODE_ENV: 'development' }; // users speak http
  const fleet = {
    replicas,
    store: options.store ?? 'durable',
    dir,
    http: 0,
    https: 0,
    env: process.env,
    settings,
    report,
  };
  try {
    const interrupted = 2;
    const code = await withLocalFleet(fleet, (fleet, ending) =>
      Promise.race([run(fleet), ending.then(() => interrupted)]),
    );
    return code ?? interrupted;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @throws {FleetError} where the containers run with another store */
async function requireStore(fleet: Fleet, store: string | undefined): Promise<Fleet> {
  const running = (await fleet.describe()).store;
  if (store === undefined || store === running) return fleet;
  throw new FleetError(
    `the containers use the store ${running}; for another: SESSION_STORE=${store} docker compose up --detach --wait`,
  );
}

/** An error is no verdict on the sessions. */
function explainNoVerdict(err: unknown): number {
  explain(err);
  return 2;
}
