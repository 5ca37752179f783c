import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { absolutePath, endOfProcess, explain, stores, wholeNumber } from '../deploy/fleet/command.ts';
import { FleetError } from '../deploy/fleet/fleet.ts';
import { createLive } from './live.ts';
import { visitors } from './mix.ts';
import { withRunFleet } from './own-fleet.ts';
import { plans, quick } from './plan.ts';
import { drawSeed, mostSeed } from './random.ts';
import { renderComparison, replaceBetweenMarkers } from './report/comparison.ts';
import type { Report } from './report/json.ts';
import { writeComparison } from './report/write.ts';
import { runPlan } from './run.ts';
import { exitCodeOf, saveAndJudge } from './verdict.ts';

interface Options {
  plan: string;
  quick?: boolean;
  users: number;
  rate: number;
  replicas: number;
  seed: number;
  report: string;
  readme: string;
}

const options = new Command('compare')
  .description('Runs the same plan with the same seed on each store, and writes the table into the README.')
  .addOption(new Option('--plan <plan>', 'what is broken').choices(Object.keys(plans)).default('compare'))
  .option('--quick', 'the same faults in about a third of the time')
  .option('--users <n>', 'how many users', wholeNumber(1, 10_000), 200)
  .option('--rate <n>', 'requests a second that the users do together', wholeNumber(1, 100_000), 400)
  .option('--replicas <n>', 'how many replicas', wholeNumber(2, 50), 3)
  .option('--seed <n>', 'repeat the choices of a run', wholeNumber(0, mostSeed), drawSeed())
  .option('--report <folder>', 'where the histories and reports go', absolutePath, absolutePath('report'))
  .option('--readme <file>', 'the file that has the two markers', absolutePath, absolutePath('README.md'))
  .parse()
  .opts<Options>();

const ending = new AbortController();
void endOfProcess().then(() => ending.abort());
process.exit(await compare(options).catch((err) => explain(err) && 2));

/** @returns 0 where the durable store passed and every comparison was made; 1 where it did not pass; 2 where one is missing */
async function compare({
  plan: name,
  replicas,
  users,
  rate,
  seed,
  report: folder,
  readme,
  ...options
}: Options): Promise<number> {
  const chosen = plans[name] as (typeof plans)[string];
  const plan = options.quick ? quick(chosen) : chosen;
  const live = createLive(process.stdout);
  const print = { json: false, write: console.log, cwd: process.cwd() };
  const choices = `--plan ${name}${options.quick ? ' --quick' : ''} --users ${users} --rate ${rate} --replicas ${replicas} --seed ${seed}`;
  const command = `npm run compare -- ${choices}`;
  const reports: Report[] = [];
  live.report(`${name}: ${plan.about}`);
  // The best comes last, so that it is what the reader sees.
  for (const store of stores.toReversed()) {
    const history = await withRunFleet(
      { replicas, store, env: process.env },
      ending.signal,
      (fleet, _dir, environment) => {
        live.report(`\n${store}:`);
        const each = { plan, users, rate, background: 0, mix: visitors, seed, command, live, ending: ending.signal };
        return runPlan({ fleet, name, environment, ...each });
      },
    );
    if (history) reports.push(saveAndJudge(history, path.join(folder, store), print));
    if (!history || ending.signal.aborted)
      throw new FleetError('ended before all stores were compared: nothing is written');
  }
  writeComparison(folder, reports);
  const table = renderComparison(reports, command);
  console.log(`\n${table}\n\nreport: ${path.relative(process.cwd(), path.join(folder, 'index.html'))}`);
  writeFileSync(readme, replaceBetweenMarkers(readFileSync(readme, 'utf8'), table));
  console.log(`the table is in ${path.relative(process.cwd(), readme)}`);
  const durable = reports.find(({ store }) => store === 'durable');
  return durable ? exitCodeOf(durable) : 2;
}
