#!/usr/bin/env node
import './loopback.ts';
import { styleText } from 'node:util';
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addAttack } from './commands/attack.ts';
import { addBench } from './commands/bench.ts';
import { addCompare } from './commands/compare.ts';
import { addDemo } from './commands/demo.ts';
import { addFleetCommands } from './commands/fleet.ts';
import { addFuzz } from './commands/fuzz.ts';
import { addLoad } from './commands/load.ts';
import { addLogs } from './commands/logs.ts';
import { addReport } from './commands/report.ts';
import { addRoom } from './commands/room.ts';
import { addSurvive } from './commands/survive.ts';
import { addUp } from './commands/up.ts';

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

addDemo(program);
addUp(program);
addFleetCommands(program);
addLogs(program);
addRoom(program);
addSurvive(program);
addReport(program);
addCompare(program);
addLoad(program);
addAttack(program);
addFuzz(program);
addBench(program);

await program.parseAsync();
process.exit(); // open connections would keep the process alive
