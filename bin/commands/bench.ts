import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { installPeers, withBenchServers } from '../../deploy/fleet/local/bench-servers.ts';
import type { Comparison } from '../../load/bench/bench.ts';
import { candidates } from '../../load/bench/candidates.ts';
import { metrics } from '../../load/bench/metrics.ts';
import { sessions } from '../../load/bench/sessions.ts';
import { endOfProcess } from '../foreground.ts';
import { addCommand, type CommonOptions, jsonOption, pathOption, run, wholeNumber } from '../options.ts';
import { createTerminal, renderTable } from '../terminal.ts';

const comparisons: Record<string, Comparison> = { sessions, metrics };
const names = Object.keys(comparisons);

interface BenchOptions extends CommonOptions {
  rounds: number;
  seconds: number;
  connections: number;
  only: string[];
  report: string;
}

export function addBench(program: Command): void {
  addCommand(
    program,
    'Measure:',
    'bench',
    'measure what one thing costs against another; exit code 0 if each goal is met',
    [
      ['bench sessions', 'this session layer beside those of others'],
      ['bench sessions --only article,layer', 'two of them'],
      ['bench metrics', 'a replica with metrics against one without'],
      ['bench --rounds 3 --json', 'fewer rounds, for scripts'],
    ],
  )
    .argument('[comparison...]', `what to compare: ${names.join(', ')} (all)`, readName)
    .option('--rounds <n>', 'how often both are started again and measured in turn', wholeNumber(1, 1000), 8)
    .option('--seconds <n>', 'duration of one measurement', wholeNumber(1, 3600), 1)
    .option('--connections <n>', 'number of connections, each with its own user', wholeNumber(1, 1000), 32)
    .option('--only <names>', `of sessions: ${candidates.map(({ name }) => name).join(', ')} (all)`, readCandidates, [])
    .addOption(pathOption('--report <folder>', 'folder of bench.json and the plots, bench.html', 'report'))
    .addOption(jsonOption())
    .action(run(bench, 2));
}

/** @returns 0 if each goal is met, 1 if one is not */
async function bench(asked: string[], { json, quiet, ...options }: BenchOptions): Promise<number> {
  const terminal = createTerminal({ json, quiet });
  const ending = endOfProcess();
  const found: Record<string, unknown> = {};
  let isMet = true;
  const { report: folder, ...choices } = options;
  mkdirSync(folder, { recursive: true });
  for (const name of asked.length > 0 ? asked : names) {
    const { about, run } = comparisons[name] as Comparison;
    terminal.report(`${name}: ${about}`);
    const result = await run({
      ...choices,
      withServers: (use) => withBenchServers(process.env, use),
      installPeers,
      progress: terminal.progress,
      ending,
    });
    found[name] = result.data;
    isMet &&= result.isMet;
    if (!json) terminal.print(`\n${renderTable(result.columns, result.rows)}\n`);
    if (!json) for (const note of result.notes) terminal.print(note);
    if (result.page) writeFileSync(path.join(folder, 'bench.html'), result.page);
  }
  const text = JSON.stringify({ ...choices, node: process.version, pass: isMet, found });
  writeFileSync(path.join(folder, 'bench.json'), `${text}\n`);
  if (json) terminal.print(text);
  return isMet ? 0 : 1;
}

function readName(name: string, before: string[] = []): string[] {
  if (names.includes(name)) return [...before, name];
  throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
}

function readCandidates(text: string): string[] {
  const asked = text.split(',').map((name) => name.trim());
  const known = candidates.map(({ name }) => name);
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown === undefined) return asked;
  throw new InvalidArgumentError(`There is no ${unknown}: name some of ${known.join(', ')}.`);
}
