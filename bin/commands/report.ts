import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { addCommand, type CommonOptions, pathOption, run } from '../options.ts';
import { createTerminal } from '../terminal.ts';

interface ReportOptions extends CommonOptions {
  report: string;
}

export function addReport(program: Command): void {
  addCommand(program, 'Proof:', 'report', 'open the report of the last run in a browser', [
    ['report', 'the report in ./report'],
    ['report --report elsewhere', 'of a run with --report elsewhere'],
  ])
    .addOption(pathOption('--report <folder>', 'folder of the report', 'report'))
    .action(run(openReport));
}

async function openReport(options: ReportOptions): Promise<void> {
  const file = path.join(options.report, 'index.html');
  if (!existsSync(file)) throw new FleetError(`there is no report in ${options.report}: run "unsticky survive"`);
  const { print, report } = createTerminal(options);
  const address = pathToFileURL(file).href;
  print(address);
  if (!(await openInBrowser(address))) report('No browser could be opened: open this address in one.');
}

/** @returns whether the program that opens addresses on this system could be started */
function openInBrowser(address: string): Promise<boolean> {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  return new Promise((resolve) => {
    const child = spawn(command, [address], { detached: true, stdio: 'ignore' });
    child.once('spawn', () => resolve(true)).once('error', () => resolve(false));
    child.unref();
  });
}
