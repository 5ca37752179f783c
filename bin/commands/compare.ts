import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { drivers } from '../../deploy/fleet/drivers.ts';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { renderMarkdown } from '../../load/report/comparison.ts';
import type { Report } from '../../load/report/json.ts';
import { writeComparison } from '../../load/report/write.ts';
import { quick } from '../../load/run/plan.ts';
import { type PlanName, plans } from '../../load/run/plans.ts';
import { runPlan } from '../../load/run/run.ts';
import { exitCodeOf, saveAndJudge } from '../../load/run/verdict.ts';
import { shopping } from '../../load/users/workload.ts';
import { replaceBetweenMarkers } from '../../web/markdown.ts';
import { endOfProcess } from '../foreground.ts';
import {
  absolutePath,
  addCommand,
  type CommonOptions,
  jsonOption,
  pathOption,
  planOption,
  run,
  seedOption,
  stores,
  wholeNumber,
} from '../options.ts';
import { createTerminal } from '../terminal.ts';

interface CompareOptions extends CommonOptions {
  plan: PlanName;
  quick?: boolean;
  users: number;
  rate: number;
  replicas: number;
  seed: number;
  report: string;
  readme?: string;
}

export function addCompare(program: Command): void {
  addCommand(program, 'Proof:', 'compare', 'run the same plan on each session store, and print a table', [
    ['compare --quick', 'in about two minutes'],
    ['compare --readme README.md', 'also write the table between the markers of that file'],
  ])
    .addOption(planOption('compare'))
    .option('--quick', 'the same faults in about a third of the time')
    .option('--users <n>', 'number of users', wholeNumber(1, 10_000), 200)
    .option('--rate <n>', 'requests per second of all users together', wholeNumber(1, 100_000), 400)
    .option('--replicas <n>', 'number of replicas', wholeNumber(2, 50), 3)
    .addOption(seedOption())
    .addOption(pathOption('--report <folder>', 'folder of the histories and reports', 'report'))
    .option('--readme <file>', 'write the table between the markers of this file', absolutePath)
    .addOption(jsonOption())
    .action(run(compare, 2));
}

/** @returns 0 if the durable store passed, 1 if it failed, 2 if its run proves nothing @throws {FleetError} if one is missing */
async function compare(options: CompareOptions): Promise<number> {
  const { plan: name, replicas, users, rate, seed, report: folder, readme, json = false } = options;
  const terminal = createTerminal(options);
  const { progress, print: write, style, width } = terminal;
  const ending = endOfProcess();
  const plan = options.quick ? quick(plans[name]) : plans[name];
  const choices = `--plan ${name}${options.quick ? ' --quick' : ''} --users ${users} --rate ${rate} --replicas ${replicas} --seed ${seed}`;
  const command = `npm run compare -- ${choices}`;
  const reports: Report[] = [];
  progress.report(`${name}: ${plan.about}`);
  // The durable store comes last, where the reader looks.
  for (const store of stores.toReversed()) {
    progress.report(`\n${store}:`);
    const place = { replicas, store, env: process.env };
    const history = await drivers.local.withRunFleet(place, ending, (fleet, environment) => {
      const load = { users, rate, background: 0, workload: shopping };
      return runPlan({ fleet, name, plan, ...load, seed, command, environment, progress, ending });
    });
    const print = { json: false, write: progress.report, cwd: process.cwd(), style, width };
    if (history) reports.push(saveAndJudge(history, path.join(folder, store), print));
    if (!history || ending.aborted) throw new FleetError('ended before all stores were compared: no table is written');
  }
  writeComparison(folder, reports);
  const table = renderMarkdown(reports, command);
  write(json ? JSON.stringify(reports) : `\n${table}`);
  terminal.hint(`\nreport: ${pathToFileURL(path.join(folder, 'index.html')).href}`);
  if (readme !== undefined) {
    writeFileSync(readme, replaceBetweenMarkers(readFileSync(readme, 'utf8'), 'compare', table));
    terminal.report(`the table is in ${path.relative(process.cwd(), readme)}`);
  }
  const durable = reports.find(({ store }) => store === 'durable');
  return durable ? exitCodeOf(durable) : 2;
}
