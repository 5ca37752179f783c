import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { createComposeFleet } from '../deploy/fleet/compose.ts';
import { type Fleet, FleetError } from '../deploy/fleet/fleet.ts';
import { startLocalFleet } from '../deploy/fleet/local.ts';
import { drivers, explain, stores, wholeNumber } from '../deploy/fleet/options.ts';
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

const { name, ...options } = readOptions();
if (options.list) {
  for (const [plan, { about, seconds }] of Object.entries(plans))
    console.log(`${plan.padEnd(14)} ${about} (${seconds} s)`);
} else {
  process.exitCode = await survive(name, plans[name] as Plan, options).catch((err) => {
    explain(err);
    return 2; // not a verdict on the sessions
  });
}

function readOptions(): Options & { name: string } {
  const program = new Command('survive')
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
    .option('--json', 'print JSON');
  const parsed = program.parse().opts<Options>();
  return { ...parsed, name: parsed.plan };
}

async function survive(plan: string, steps: Plan, options: Omit<Options, 'plan'>): Promise<number> {
  const report = options.json ? () => {} : console.log;
  report(`${plan}: ${steps.about}`);
  return withFleet(options, report, async (fleet) => {
    const seconds = options.seconds ?? steps.seconds;
    const { users, seed, rate, json = false } = options;
    return exitCodeOf(await runAndJudge({ fleet, name: plan, plan: steps, users, seconds, seed, rate, report }, json));
  });
}

/** A local fleet is the run's own, on free ports, and ends with it; a fleet of containers is up before and after. */
async function withFleet(
  options: Omit<Options, 'plan'>,
  report: (line: string) => void,
  run: (fleet: Fleet) => Promise<number>,
) {
  if (options.fleet === 'compose') return run(await requireStore(createComposeFleet(), options.store));
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-'));
  const { replicas, store = 'durable' } = options;
  const settings = { LOG_LEVEL: 'warn' };
  const fleet = await startLocalFleet({ replicas, store, dir, http: 0, https: 0, settings, report });
  const interrupted = () => fleet.down().finally(() => process.exit(2));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  try {
    return await run(fleet);
  } finally {
    await fleet.down();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function requireStore(fleet: Fleet, store: string | undefined): Promise<Fleet> {
  const running = (await fleet.describe()).store;
  if (store === undefined || store === running) return fleet;
  throw new FleetError(
    `the containers use the store ${running}: SESSION_STORE=${store} docker compose up --detach --wait`,
  );
}
