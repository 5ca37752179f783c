import path from 'node:path';
import { Command } from 'commander';
import { explain, wholeNumber, withLocalFleet } from '../deploy/fleet/command.ts';
import { connectFleet, serveFleet } from '../deploy/fleet/control.ts';
import { FleetError } from '../deploy/fleet/fleet.ts';
import { defaultDir } from '../deploy/fleet/local-files.ts';
import { createLive } from './live.ts';
import { visitors } from './mix.ts';
import { type Plan, plans } from './plan.ts';
import { drawSeed } from './random.ts';
import { runPlan } from './run.ts';
import { exitCodeOf, saveAndJudge } from './verdict.ts';

interface Options {
  once?: boolean;
  http: number;
  https: number;
  prometheus: number;
  dir: string;
}

const port = wholeNumber(0, 65535);
const options = new Command('demo')
  .description('Starts 3 replicas, keeps 200 users busy, breaks things, prints the verdict, and stays up until Ctrl-C.')
  .option('--once', 'end with the verdict')
  .option('--http <port>', 'port for http, on 127.0.0.1; 0 picks a free one', port, 8080)
  .option('--https <port>', 'port for https', port, 8443)
  .option('--prometheus <port>', 'port for Prometheus', port, 9090)
  .option('--dir <folder>', 'where the fleet keeps data and logs', (dir) => path.resolve(dir), defaultDir)
  .parse()
  .opts<Options>();

process.exit(await demo(options).catch(explain));

async function demo({ once, http, https, prometheus, dir }: Options): Promise<number> {
  if (await connectFleet(dir)) throw new FleetError('a fleet is up already: end it with "npm run down"');
  const report = console.log;
  report('Starting 3 replicas behind nginx, with Redis and Prometheus …');
  const fleet = {
    replicas: 3,
    store: 'durable',
    dir,
    http,
    https,
    prometheus,
    tlsDir: process.env.TLS_DIR,
    env: process.env,
    report,
  };
  const interrupted = 130; // before there was anything to judge
  const code = await withLocalFleet(fleet, async (fleet, ending) => {
    const { down } = await serveFleet(fleet, dir);
    const plan = plans.demo as Plan;
    const seed = drawSeed();
    report(`\n200 users go shopping for ${plan.seconds} s, while ${plan.about}.`);
    const stop = new AbortController();
    void Promise.race([ending, down]).then(() => stop.abort());
    const live = createLive(process.stdout);
    const users = { users: 200, rate: 500, background: 200, mix: visitors, seed, command: 'npm run demo' };
    const history = await runPlan({ fleet, name: 'demo', plan, ...users, live, ending: stop.signal });
    const print = { json: false, write: report, cwd: process.cwd() };
    const judged = saveAndJudge(history, path.resolve('report'), print);
    if (once || stop.signal.aborted) return exitCodeOf(judged);
    const urls = await fleet.describe();
    report(`\nIt stays up: open ${urls.http} and kill what served you: npm run kill -- 2`);
    report(`Prometheus: ${urls.prometheus}. Ctrl-C ends everything.`);
    await Promise.race([ending, down]);
    return exitCodeOf(judged);
  });
  return code ?? interrupted;
}
