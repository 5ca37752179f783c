import type { Command } from 'commander';
import { drivers } from '../../deploy/fleet/drivers.ts';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { type FuzzResult, runFuzz } from '../../load/fuzz/fuzz.ts';
import { formatNumber, plural } from '../../web/format.ts';
import { endOfProcess, interrupted } from '../foreground.ts';
import { addCommand, type CommonOptions, dirOption, jsonOption, run, seedOption, wholeNumber } from '../options.ts';
import { createTerminal, type Terminal } from '../terminal.ts';

interface FuzzCommandOptions extends CommonOptions {
  dir: string;
  requests: number;
  seed: number;
}

export function addFuzz(program: Command): void {
  const command = addCommand(
    program,
    'Measure:',
    'fuzz',
    'send malformed and hostile requests to nginx and to a replica, and check that nothing breaks',
    [
      ['fuzz', '100,000 requests to the local fleet that is up, or to one of its own'],
      ['fuzz --requests 5000 --seed 7', 'the same 5,000 requests each time'],
    ],
  );
  command
    .addOption(dirOption())
    .option('--requests <n>', 'how many', wholeNumber(2, 10_000_000), 100_000)
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(run(fuzz));
}

async function fuzz(options: FuzzCommandOptions): Promise<number> {
  const terminal = createTerminal(options);
  const ending = endOfProcess();
  const up = await drivers.local.find({ dir: options.dir, env: process.env });
  if (up) return fuzzFleet(up, options, terminal, ending);
  terminal.report('No fleet is up: starting one for this run …');
  const temporary = { replicas: 2, store: undefined, env: process.env, breakableNetwork: false };
  const code = await drivers.local.withRunFleet(temporary, ending, (fleet) =>
    fuzzFleet(fleet, options, terminal, ending),
  );
  return code ?? interrupted;
}

async function fuzzFleet(
  fleet: Fleet,
  options: FuzzCommandOptions,
  terminal: Terminal,
  ending: AbortSignal,
): Promise<number> {
  const { requests, seed, json } = options;
  terminal.report(`${formatNumber(requests)} requests, half to nginx and half to a replica (--seed ${seed})`);
  const { progress } = terminal;
  const result = await runFuzz({ fleet, requests, seed, progress, ending });
  if (json) terminal.print(JSON.stringify({ seed, ...result }));
  else printResult(result, terminal);
  if (ending.aborted) return interrupted;
  if (!json) printVerdict(result, terminal);
  return result.found === 0 ? 0 : 1;
}

function printResult(result: FuzzResult, { print, style }: Terminal): void {
  const statuses = Object.entries(result.statuses).map(([status, times]) => `${formatNumber(times)} × ${status}`);
  print(
    `  requests  ${formatNumber(result.requests)} in ${Math.round(result.seconds)} s; slowest answer ${Math.round(result.slowestMs)} ms`,
  );
  print(`  answers   ${statuses.join(', ')}`);
  print(`  user      a logged-in user checked its own data ${formatNumber(result.looks)} times`);
  for (const [name, sizes] of Object.entries(result.memoryMiB)) print(`  ${name}  ${sizes.join(' → ')} MiB of memory`);
  for (const { what, to, kind, request } of result.findings) {
    print(style('red', `\n  ${what}${to ? ` (${to}; ${kind})` : ''}`));
    if (request !== undefined) print(`  ${request}`);
  }
}

function printVerdict({ found }: FuzzResult, { print, style }: Terminal): void {
  if (found === 0) print(style('green', '\nPASS: no failure, no hang, no restart, no data of others; memory is flat.'));
  else print(style('red', `\nFAIL: ${plural(found, 'finding')}.`));
}
