import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { installPeers, withBenchServers } from '../../deploy/fleet/local/bench-servers.ts';
import type { Comparison, Result } from '../../load/bench/bench.ts';
import { renderBenchPage } from '../../load/bench/page.ts';
import { metrics, replication } from '../../load/bench/pairs.ts';
import { scale } from '../../load/bench/scale.ts';
import { sessions } from '../../load/bench/sessions.ts';
import { replaceBetweenMarkers } from '../../web/markdown.ts';
import { endOfProcess } from '../foreground.ts';
import { addCommand, type CommonOptions, decimalNumber, jsonOption, pathOption, run, wholeNumber } from '../options.ts';
import { createTerminal, renderTable } from '../terminal.ts';

const comparisons: Record<string, Comparison> = { sessions, scale, metrics, replication };
const names = Object.keys(comparisons);
const parts = names.flatMap((name) => comparisons[name]?.parts ?? []);
const partsText = names
  .flatMap((name) => (comparisons[name]?.parts ? `of ${name}: ${comparisons[name].parts.join(', ')}` : []))
  .join('; ');

interface BenchOptions extends CommonOptions {
  rounds: number;
  seconds: number;
  connections: number;
  only: string[];
  report: string;
  write?: boolean;
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
      ['bench scale', 'more replicas, sessions, bytes, writers of one session; capacity'],
      ['bench metrics', 'a replica with metrics against one without'],
      ['bench replication', 'a Redis that fails over against one Redis'],
      ['bench --rounds 3 --json', 'fewer rounds, for scripts'],
    ],
  )
    .argument('[comparison...]', `what to compare: ${names.join(', ')} (all)`, readName)
    .option('--rounds <n>', 'how often both are started again and measured in turn', wholeNumber(1, 1000), 8)
    .option('--seconds <n>', 'duration of one measurement', decimalNumber(0.5, 3600), 1)
    .option(
      '--connections <n>',
      'number of connections, each with its own user (not of scale)',
      wholeNumber(1, 1000),
      32,
    )
    .addOption(new Option('--only <names>', partsText).argParser(readParts).default([], 'all'))
    .addOption(pathOption('--report <folder>', 'folder of bench.json and the plots, bench.html', 'report'))
    .option('--write', 'also write the figures into the documents that show them')
    .addOption(jsonOption())
    .action(run(bench, 2));
}

type Choices = Pick<BenchOptions, 'rounds' | 'seconds' | 'connections' | 'only'>;

/** @returns 0 if each goal is met, 1 if one is not */
async function bench(asked: string[], { json, quiet, ...options }: BenchOptions): Promise<number> {
  const terminal = createTerminal({ json, quiet });
  const ending = endOfProcess();
  const found: Record<string, unknown> = {};
  const shown: { about: string; result: Result }[] = [];
  const { report: folder, write = false, ...choices } = options;
  mkdirSync(folder, { recursive: true });
  for (const name of asked.length > 0 ? asked : names) {
    const { about, document, run, parts = [] } = comparisons[name] as Comparison;
    const only = choices.only.filter((part) => parts.includes(part));
    if (choices.only.length > 0 && only.length === 0) {
      if (asked.length === 0) continue;
      throw new FleetError(`--only ${choices.only.join(',')} names no part of ${name}`);
    }
    terminal.report(`${name}: ${about}`);
    const result = await run({
      ...choices,
      only,
      withServers: (use) => withBenchServers(process.env, use),
      installPeers,
      progress: terminal.progress,
      ending,
    });
    found[name] = result.data;
    shown.push({ about, result });
    if (!json) for (const { columns, rows } of result.tables) terminal.print(`\n${renderTable(columns, rows)}\n`);
    if (!json) for (const note of result.notes) terminal.print(note);
    if (write && document !== undefined) writeInto(document, name, result, { ...choices, only });
  }
  const isMet = shown.every(({ result }) => result.isMet);
  writeFileSync(path.join(folder, 'bench.html'), renderBenchPage(shown));
  const text = JSON.stringify({ ...choices, node: process.version, pass: isMet, found });
  writeFileSync(path.join(folder, 'bench.json'), `${text}\n`);
  if (json) terminal.print(text);
  return isMet ? 0 : 1;
}

function writeInto(document: string, name: string, { markdown = '' }: Result, choices: Choices): void {
  const { rounds, seconds, connections, only } = choices;
  const chosen = only.length > 0 ? ` --only ${only.join(',')}` : '';
  const command = `npm run bench -- ${name}${chosen} --rounds ${rounds} --seconds ${seconds} --connections ${connections}`;
  const about = `(\`${command}\`, Node ${process.versions.node}, medians, smallest and largest in brackets.)`;
  const file = new URL(`../../${document}`, import.meta.url);
  const text = replaceBetweenMarkers(readFileSync(file, 'utf8'), `bench ${name}`, `${markdown}\n\n${about}`);
  writeFileSync(file, text);
}

function readName(name: string, before: string[] = []): string[] {
  if (names.includes(name)) return [...before, name];
  throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
}

function readParts(text: string, before: string[] = []): string[] {
  const asked = text.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !parts.includes(name));
  if (unknown === undefined) return [...before, ...asked];
  throw new InvalidArgumentError(`There is no ${unknown}: name some of ${parts.join(', ')}.`);
}
