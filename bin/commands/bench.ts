import { type Command, InvalidArgumentError } from 'commander';
import { withReplicas } from '../../deploy/fleet/local/bench-replicas.ts';
import { type Bench, columns, type Finding, rowsOf } from '../../load/bench/bench.ts';
import * as metrics from '../../load/bench/metrics.ts';
import { endOfProcess } from '../foreground.ts';
import { addCommand, type CommonOptions, jsonOption, run, wholeNumber } from '../options.ts';
import { createTerminal, renderTable } from '../terminal.ts';

/** Each starts what it compares, and ends it. */
const comparisons: Record<string, { about: string; run(bench: Bench): Promise<Finding[]> }> = { metrics };
const names = Object.keys(comparisons);

interface BenchOptions extends CommonOptions {
  rounds: number;
  seconds: number;
  connections: number;
}

export function addBench(program: Command): void {
  addCommand(
    program,
    'Measure:',
    'bench',
    'measure what one thing costs against another; exit code 0 if each goal is met',
    [
      ['bench metrics', 'a replica with metrics against one without'],
      ['bench --rounds 3 --json', 'fewer rounds, for scripts'],
    ],
  )
    .argument('[comparison...]', `what to compare: ${names.join(', ')} (all)`, readName)
    .option('--rounds <n>', 'how often both are started again and measured in turn', wholeNumber(1, 1000), 8)
    .option('--seconds <n>', 'duration of one measurement', wholeNumber(1, 3600), 1)
    .option('--connections <n>', 'number of connections, each with its own user', wholeNumber(1, 1000), 32)
    .addOption(jsonOption())
    .action(run(bench, 2));
}

/** @returns 0 if each goal is met, 1 if one is not */
async function bench(asked: string[], { json, quiet, ...options }: BenchOptions): Promise<number> {
  const terminal = createTerminal({ json, quiet });
  const ending = endOfProcess();
  const found: Record<string, Finding[]> = {};
  for (const name of asked.length > 0 ? asked : names) {
    const { about, run } = comparisons[name] as (typeof comparisons)[string];
    terminal.report(`${name}: ${about}`);
    const findings = await run({
      ...options,
      withReplicas: (settings, use) => withReplicas(process.env, settings, use),
      progress: terminal.progress,
      ending,
    });
    found[name] = findings;
    if (!json) terminal.print(`\n${renderTable(columns, rowsOf(findings))}\n`);
  }
  if (json) terminal.print(JSON.stringify({ ...options, node: process.version, found }));
  const isMet = ({ cost, maxCost }: Finding) => cost < maxCost;
  return Object.values(found).flat().every(isMet) ? 0 : 1;
}

function readName(name: string, before: string[] = []): string[] {
  if (names.includes(name)) return [...before, name];
  throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
}
