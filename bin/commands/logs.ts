import type { Command } from 'commander';
import { drivers } from '../../deploy/fleet/drivers.ts';
import { endOfProcess } from '../foreground.ts';
import { addCommand, addFleetOptions, type FleetOptions, jsonOption, run, wholeNumber } from '../options.ts';
import { createTerminal } from '../terminal.ts';

interface LogsOptions extends FleetOptions {
  follow?: boolean;
  lines: number;
}

export function addLogs(program: Command): void {
  const command = addCommand(program, 'Fleet:', 'logs', 'show log lines of the parts', [
    ['logs nginx redis', 'the last 20 lines of each'],
    ['logs --follow', 'all parts, new lines too'],
    ['logs replica-1 --json', 'an object a line: {"part":…,"line":…}'],
  ]);
  addFleetOptions(command)
    .argument('[parts...]', 'replica-1, nginx, redis, … (all)')
    .option('-f, --follow', 'stream new lines')
    .option('--lines <n>', 'number of last lines of each part', wholeNumber(0, 10_000), 20)
    .addOption(jsonOption())
    .action(run(logs));
}

async function logs(parts: string[], options: LogsOptions): Promise<void> {
  const { lines, follow, json, fleet, dir } = options;
  const terminal = createTerminal(options);
  const chosen = { parts, lines, ...(follow && { follow: endOfProcess() }) };
  const isUp = await drivers[fleet].find({ dir, env: process.env }).catch(() => undefined);
  if (!isUp) terminal.report('No fleet is up: these are the last lines of an earlier one.');
  const write = json ? (line: string) => terminal.print(JSON.stringify(toObject(line))) : terminal.print;
  await drivers[fleet].logs({ dir, env: process.env }, chosen, write);
}

/** A line is `part | text`; text that is JSON, as replicas and nginx log it, is parsed. */
function toObject(line: string): { part: string; line: unknown } {
  const [, part = '', text = line] = /^(\S+) +\| ?(.*)$/s.exec(line) ?? [];
  try {
    return { part, line: JSON.parse(text) };
  } catch {
    return { part, line: text };
  }
}
