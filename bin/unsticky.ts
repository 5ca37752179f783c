#!/usr/bin/env node
import './compile-cache.ts';
import './loopback.ts';
import { styleText } from 'node:util';
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };

type Add = (program: Command) => void;

/** The commands in the order of --help, and the module that adds them: to load all takes longer than most commands do. */
const commands: [names: string, load: () => Promise<Add>][] = [
  ['demo', async () => (await import('./commands/demo.ts')).addDemo],
  ['up', async () => (await import('./commands/up.ts')).addUp],
  [
    'down status scale kill pause resume restart roll',
    async () => (await import('./commands/fleet.ts')).addFleetCommands,
  ],
  ['logs', async () => (await import('./commands/logs.ts')).addLogs],
  ['room', async () => (await import('./commands/room.ts')).addRoom],
  ['survive', async () => (await import('./commands/survive.ts')).addSurvive],
  ['report', async () => (await import('./commands/report.ts')).addReport],
  ['compare', async () => (await import('./commands/compare.ts')).addCompare],
  ['load', async () => (await import('./commands/load.ts')).addLoad],
  ['attack', async () => (await import('./commands/attack.ts')).addAttack],
  ['fuzz', async () => (await import('./commands/fuzz.ts')).addFuzz],
  ['bench', async () => (await import('./commands/bench.ts')).addBench],
];

const bold = (text: string) => styleText('bold', text, { stream: process.stdout });

const program = new Command('unsticky')
  .description('Express sessions that survive load balancing, crashes and restarts, and the proof.')
  .version(packageJson.version)
  .configureHelp({ styleTitle: bold, showGlobalOptions: false })
  .helpCommand(false)
  .addHelpText(
    'after',
    '\nStart with "unsticky demo", or "unsticky up --detach". "unsticky <command> --help" shows examples.',
  );

const [name = ''] = process.argv.slice(2);
const named = commands.filter(([names]) => names.split(' ').includes(name));
for (const [, load] of named.length > 0 ? named : commands) (await load())(program);

await program.parseAsync();
process.exit(); // open connections would keep the process alive
