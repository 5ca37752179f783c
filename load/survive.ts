import path from 'node:path';
import { Command, Option } from 'commander';
import { absolutePath, drivers, endOfProcess, explain, stores, wholeNumber } from '../deploy/fleet/command.ts';
import { createComposeFleet } from '../deploy/fleet/compose.ts';
import { type Fleet, FleetError } from '../deploy/fleet/fleet.ts';
import type { History } from './history.ts';
import { HistoryError, readHistory } from './history-file.ts';
import { createLive, silent } from './live.ts';
import { visitors } from './mix.ts';
import { withRunFleet } from './own-fleet.ts';
import { lackOf, plans, quick } from './plan.ts';
import { drawSeed, mostSeed } from './random.ts';
import { runPlan } from './run.ts';
import { watchUrl } from './url.ts';
import { exitCodeOf, judgeAndReport, type Print, saveAndJudge } from './verdict.ts';

interface Options {
  plan: string;
  list?: boolean;
  quick?: boolean;
  users: number;
  seconds?: number;
  replicas: number;
  rate: number;
  background: number;
  store?: string;
  fleet: string;
  url?: string;
  judge?: string;
  seed: number;
  report: string;
  json?: boolean;
}

const noVerdict = 2;
const options = readOptions();
const ending = new AbortController();
process.exit(await survive(options).catch(explainNoVerdict));

function readOptions(): Options {
  return new Command('survive')
    .description('Keeps users busy, breaks something, and judges what they were told. Exit code 0 only on a pass.')
    .addOption(
      new Option('--plan <plan>', 'what is broken (--list tells each)')
        .choices(Object.keys(plans))
        .default('kill-replica'),
    )
    .option('--list', 'list the plans')
    .option('--quick', 'the same faults in about a third of the time')
    .option('--users <n>', 'how many users', wholeNumber(1, 10_000), 200)
    .option('--rate <n>', 'requests a second that the users do together', wholeNumber(1, 100_000), 600)
    .option('--background <n>', 'requests a second that autocannon does beside them; 0 for none', readBackground, 100)
    .option('--seconds <n>', 'go on at least so long (each plan has its own)', wholeNumber(3, 3600))
    .option('--replicas <n>', 'how many replicas (local)', wholeNumber(2, 50), 3)
    .addOption(
      new Option('--store <store>', 'where sessions live (local: durable; compose: what is up)').choices(stores),
    )
    .addOption(
      new Option('--fleet <driver>', 'local: one of its own; compose: the one that is up')
        .choices(drivers)
        .default('local'),
    )
    .option('--url <url>', 'users alone, at a site that you break by hand')
    .option('--judge <file>', 'judge a history that was saved')
    .option('--seed <n>', 'repeat the choices of a run', wholeNumber(0, mostSeed), drawSeed())
    .option('--report <folder>', 'where the history and the reports go', absolutePath, absolutePath('report'))
    .option('--json', 'print JSON')
    .parse()
    .opts<Options>();
}

function readBackground(text: string): number {
  return text === '0' ? 0 : wholeNumber(16, 100_000)(text);
}

async function survive(options: Options): Promise<number> {
  const print: Print = { json: options.json ?? false, write: console.log, cwd: process.cwd() };
  if (options.list) return list();
  if (options.judge !== undefined) {
    const file = path.resolve(options.judge);
    return exitCodeOf(judgeAndReport(await readHistory(file), options.report, file, print));
  }
  // A second Ctrl-C ends it at once: endOfProcess sees to that.
  void endOfProcess().then(() => ending.abort());
  const live = print.json ? silent : createLive(process.stdout);
  if (options.url !== undefined) {
    const { url, users, rate, seed, seconds = 60 } = options;
    const command = commandOf(options);
    const site = { url, users, rate, seed, command, seconds, mix: visitors };
    const history = await watchUrl({ ...site, live, ending: ending.signal });
    return exitCodeOf(saveAndJudge(history, options.report, print));
  }
  // The fleet's own files are gone by the time that the history is saved: a disk may have no room for both.
  const history = await withFleet(options, (fleet, environment) => run(fleet, environment, options, live));
  return history ? exitCodeOf(saveAndJudge(history, options.report, print)) : noVerdict;

  function run(
    fleet: Fleet,
    environment: Record<string, string>,
    { plan: name, users, rate, background, seed, seconds }: Options,
    live: ReturnType<typeof createLive>,
  ) {
    const chosen = plans[name] as (typeof plans)[string];
    const lack = chosen.steps.length === 1 && chosen.steps[0] ? lackOf(chosen.steps[0], fleet) : undefined;
    if (lack) throw new FleetError(`${name} cannot be done: the ${fleet.driver} fleet lacks ${lack}`);
    const plan = { ...(options.quick ? quick(chosen) : chosen), ...(seconds && { seconds }) };
    live.report(`${name}: ${plan.about}`);
    const command = commandOf(options);
    return runPlan({
      fleet,
      name,
      plan,
      users,
      rate,
      background,
      mix: visitors,
      seed,
      environment,
      command,
      live,
      ending: ending.signal,
    });
  }
}

/** With everything on which the choices of a run depend. */
function commandOf(options: Options): string {
  const { plan, quick, seed, users, rate, background, seconds, url, fleet, replicas, store } = options;
  const site = url === undefined ? ['--plan', plan, ...(quick ? ['--quick'] : [])] : ['--url', url];
  const choices = ['--seed', seed, '--users', users, '--rate', rate, ...(seconds ? ['--seconds', seconds] : [])];
  const where = fleet === 'local' ? ['--replicas', replicas] : ['--fleet', fleet];
  const rest = url === undefined ? ['--background', background, ...where, ...(store ? ['--store', store] : [])] : [];
  return ['npm run survive --', ...site, ...choices, ...rest].join(' ');
}

function list(): number {
  const width = Math.max(...Object.keys(plans).map((name) => name.length));
  for (const [name, { about }] of Object.entries(plans)) console.log(`${name.padEnd(width)}  ${about}`);
  return 0;
}

/**
 * A local fleet is the run's own, on free ports, and ends with it; a fleet of containers is up before and after.
 * @returns undefined where it was told to end before the fleet was up
 */
async function withFleet(
  { fleet, store, replicas, json }: Options,
  use: (fleet: Fleet, environment: Record<string, string>) => Promise<History>,
): Promise<History | undefined> {
  if (fleet === 'compose') return use(await requireStore(createComposeFleet(), store), {});
  const report = json ? () => {} : console.log;
  const own = { replicas, store: store ?? 'durable', env: process.env, report };
  return withRunFleet(own, ending.signal, (up, _dir, environment) => use(up, environment));
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
  if (err instanceof HistoryError) console.error(`unsticky: ${err.message}`);
  else explain(err);
  return noVerdict;
}
