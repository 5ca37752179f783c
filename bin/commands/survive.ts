import path from 'node:path';
import { type Command, Option } from 'commander';
import { type DriverName, drivers } from '../../deploy/fleet/drivers.ts';
import { type Fleet, FleetError, type RedisTopology } from '../../deploy/fleet/fleet.ts';
import { watchExternalSite } from '../../load/run/external-site.ts';
import { readHistory } from '../../load/run/history-file.ts';
import { missingCapabilityOf, quick } from '../../load/run/plan.ts';
import { type PlanName, planNames, plans } from '../../load/run/plans.ts';
import { runPlan } from '../../load/run/run.ts';
import { exitCodeOf, judgeAndReport, type Print, saveAndJudge } from '../../load/run/verdict.ts';
import type { History } from '../../load/users/history.ts';
import { shopping } from '../../load/users/workload.ts';
import { endOfProcess } from '../foreground.ts';
import {
  addCommand,
  type CommonOptions,
  jsonOption,
  pathOption,
  planOption,
  redisOption,
  run,
  seedOption,
  stores,
  wholeNumber,
} from '../options.ts';
import { createTerminal, renderTable, type Terminal } from '../terminal.ts';

interface SurviveOptions extends CommonOptions {
  plan: PlanName;
  list?: boolean;
  quick?: boolean;
  users: number;
  seconds?: number;
  replicas: number;
  rate: number;
  background: number;
  store?: string;
  redis: RedisTopology;
  fleet: DriverName;
  url?: string;
  judge?: string;
  seed: number;
  report: string;
  maxP99?: number;
  maxStall?: number;
}

const noVerdict = 2;

export function addSurvive(program: Command): void {
  addCommand(
    program,
    'Proof:',
    'survive',
    'keep users busy, break something, and check every response; exit code 0 only on a pass',
    [
      ['survive --plan kill-replica', 'kill a replica under load'],
      ['survive --plan all --quick', 'every fault, in two and a half minutes'],
      ['survive --max-p99 200 --max-stall 300', 'fail as well if it is slower than that'],
      ['survive --list', 'all plans'],
      ['survive --url http://127.0.0.1:8080', 'users only; you break the site by hand'],
      ['survive --judge report/history.jsonl', 'judge a saved history again'],
    ],
  )
    .addOption(planOption('kill-replica'))
    .option('--list', 'list the plans')
    .option('--quick', 'the same faults in about a third of the time')
    .option('--users <n>', 'number of users', wholeNumber(1, 10_000), 200)
    .option('--rate <n>', 'requests per second of all users together', wholeNumber(1, 100_000), 600)
    .option('--background <n>', 'requests per second by autocannon beside them; 0 for none', readBackground, 100)
    .option('--seconds <n>', 'shortest duration (each plan has its own)', wholeNumber(3, 3600))
    .option('--replicas <n>', 'number of replicas (local)', wholeNumber(2, 50), 3)
    .addOption(
      new Option('--store <store>', 'session store (local: durable; containers: the running one)').choices(stores),
    )
    .addOption(
      new Option('--fleet <driver>', 'local: a temporary fleet; compose, swarm: the containers that are up')
        .choices(Object.keys(drivers))
        .default('local'),
    )
    .addOption(redisOption())
    .option('--url <url>', 'users only, at a site that you break by hand')
    .option('--judge <file>', 'judge a saved history')
    .option('--max-p99 <ms>', 'fail if the 99th percentile of response times is above it', wholeNumber(1, 60_000))
    .option(
      '--max-stall <ms>',
      'fail if users wait longer without a success, outside a fault’s budget',
      wholeNumber(1, 60_000),
    )
    .addOption(seedOption())
    .addOption(pathOption('--report <folder>', 'folder of the history and the reports', 'report'))
    .addOption(jsonOption())
    .action(run(survive, noVerdict));
}

function readBackground(text: string): number {
  return text === '0' ? 0 : wholeNumber(16, 100_000)(text);
}

async function survive(options: SurviveOptions): Promise<number> {
  const terminal = createTerminal(options);
  const { print: write, style, width } = terminal;
  const { json = false, maxP99, maxStall } = options;
  const print: Print = { json, write, cwd: process.cwd(), style, width, thresholds: { maxP99, maxStall } };
  if (options.list) return list(terminal);
  if (options.judge !== undefined) {
    const file = path.resolve(options.judge);
    return exitCodeOf(judgeAndReport(await readHistory(file), options.report, file, print));
  }
  const ending = endOfProcess();
  // The files of a temporary fleet are gone before the history is saved: the disk may not have room for both.
  const history = await (options.url === undefined
    ? surviveFaults(options, terminal, ending)
    : surviveByHand(options.url, options, terminal, ending));
  return history ? exitCodeOf(saveAndJudge(history, options.report, print)) : noVerdict;
}

function surviveByHand(
  url: string,
  options: SurviveOptions,
  { progress }: Terminal,
  ending: AbortSignal,
): Promise<History> {
  const { users, rate, seed, seconds = 60 } = options;
  const site = { url, users, rate, seed, seconds, command: commandOf(options), workload: shopping };
  return watchExternalSite({ ...site, progress, ending });
}

/** @returns undefined if it was ended before the fleet was up */
function surviveFaults(
  options: SurviveOptions,
  { progress }: Terminal,
  ending: AbortSignal,
): Promise<History | undefined> {
  const { plan: name, fleet: driver, store, replicas, seconds, users, rate, background, seed, redis } = options;
  const chosen = plans[name];
  const plan = { ...(options.quick ? quick(chosen) : chosen), ...(seconds && { seconds }) };
  const place = { replicas, store, redis, env: process.env, report: progress.report };
  return drivers[driver].withRunFleet(place, ending, (fleet, environment) => {
    requireCapabilities(name, fleet);
    progress.report(`${name}: ${plan.about}`);
    const load = { users, rate, background, workload: shopping };
    const facts = { seed, environment, command: commandOf(options) };
    return runPlan({ fleet, name, plan, ...load, ...facts, progress, ending });
  });
}

/** @throws {FleetError} if the fleet does not support the plan's only fault */
function requireCapabilities(name: PlanName, fleet: Fleet): void {
  const missing = plans[name].steps.map((step) => missingCapabilityOf(step, fleet));
  if (missing.length > 0 && missing.every((one) => one !== undefined)) throw new FleetError(`${name}: ${missing[0]}`);
}

/** The command with everything that determines the choices of a run. */
function commandOf(options: SurviveOptions): string {
  const { plan, quick, seed, users, rate, background, seconds, url, fleet, replicas, store, redis } = options;
  const site = url === undefined ? ['--plan', plan, ...(quick ? ['--quick'] : [])] : ['--url', url];
  const choices = ['--seed', seed, '--users', users, '--rate', rate, ...(seconds ? ['--seconds', seconds] : [])];
  const topology = redis === 'single' ? [] : ['--redis', redis];
  const place = fleet === 'local' ? ['--replicas', replicas, ...topology] : ['--fleet', fleet];
  const rest = url === undefined ? ['--background', background, ...place, ...(store ? ['--store', store] : [])] : [];
  return ['npm run survive --', ...site, ...choices, ...rest].join(' ');
}

function list({ print, width }: Terminal): number {
  const rows = planNames.map((name) => [name, plans[name].about]);
  print(renderTable(['plan', 'what happens'], rows, width));
  return 0;
}
