import { Command, InvalidArgumentError } from 'commander';
import { endOfProcess, explain, wholeNumber } from '../deploy/fleet/command.ts';
import { renderTable } from '../deploy/fleet/table.ts';
import { type Bench, columns, type Finding, rowsOf } from './bench/bench.ts';
import * as metrics from './bench/metrics.ts';
import { createLive, silent } from './live.ts';

/** Each starts what it compares, and ends it. */
const comparisons: Record<string, { about: string; run(bench: Bench): Promise<Finding[]> }> = { metrics };

interface Options {
  rounds: number;
  seconds: number;
  connections: number;
  json?: boolean;
}

const command = new Command('bench')
  .description(
    'Measures what one thing costs against another, in turns of one run. Exit code 0 where each goal is met.',
  )
  .argument('[comparison...]', `what is compared: ${Object.keys(comparisons).join(', ')} (all)`, readName)
  .option('--rounds <n>', 'how often both are started anew and measured in turns', wholeNumber(1, 1000), 8)
  .option('--seconds <n>', 'how long a turn is', wholeNumber(1, 3600), 1)
  .option('--connections <n>', 'how many connections, each with a user of its own', wholeNumber(1, 1000), 32)
  .option('--json', 'print JSON')
  .parse();

const ending = new AbortController();
void endOfProcess().then(() => ending.abort());
process.exit(await bench(command.opts<Options>(), command.processedArgs[0] ?? []).catch((err) => explain(err) && 2));

/** @returns 0 where each goal is met, 1 where one is not */
async function bench({ json, ...options }: Options, asked: string[]): Promise<number> {
  const names = asked.length > 0 ? asked : Object.keys(comparisons);
  const live = json ? silent : createLive(process.stdout);
  const found: Record<string, Finding[]> = {};
  for (const name of names) {
    const { about, run } = comparisons[name] as (typeof comparisons)[string];
    live.report(`${name}: ${about}`);
    const findings = await run({ ...options, env: process.env, live, ending: ending.signal });
    found[name] = findings;
    live.report(`\n${renderTable(columns, rowsOf(findings))}\n`);
  }
  if (json) console.log(JSON.stringify({ ...options, node: process.version, found }));
  const isMet = ({ cost, mayCost }: Finding) => cost < mayCost;
  return Object.values(found).flat().every(isMet) ? 0 : 1;
}

function readName(name: string, before: string[] = []): string[] {
  if (Object.hasOwn(comparisons, name)) return [...before, name];
  throw new InvalidArgumentError(`It must be one of ${Object.keys(comparisons).join(', ')}.`);
}
