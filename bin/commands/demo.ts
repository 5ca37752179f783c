import path from 'node:path';
import type { Command } from 'commander';
import { type ControlRoom, startControlRoom } from '../../deploy/control-room/server.ts';
import type { RoomUsers } from '../../deploy/control-room/users.ts';
import { drivers, openFleet } from '../../deploy/fleet/drivers.ts';
import { type Fleet, FleetError } from '../../deploy/fleet/fleet.ts';
import { withTimeout } from '../../deploy/fleet/wait.ts';
import type { Report } from '../../load/report/json.ts';
import { plans } from '../../load/run/plans.ts';
import { runPlan } from '../../load/run/run.ts';
import { exitCodeOf, saveAndJudge } from '../../load/run/verdict.ts';
import { createDemoUsers } from '../../load/users/demo-users.ts';
import { drawSeed } from '../../load/users/random.ts';
import { createRoomUsers } from '../../load/users/room-users.ts';
import { shopping } from '../../load/users/workload.ts';
import { aborted, endOfProcess, interrupted } from '../foreground.ts';
import { addCommand, type CommonOptions, jsonOption, pathOption, port, portOption, run } from '../options.ts';
import { createTerminal, type Terminal } from '../terminal.ts';
import { defaultDir } from '../../deploy/fleet/local/files.ts';
import { withEnding } from './up.ts';

interface DemoOptions extends CommonOptions {
  once?: boolean;
  http: number;
  https: number;
  prometheus: number;
  room: number;
  dir: string;
}

export function addDemo(program: Command): void {
  addCommand(
    program,
    'Start here:',
    'demo',
    'start a fleet, break it under load, print the verdict, stay up until Ctrl-C',
    [
      ['demo', '3 replicas, 200 users, and the control room'],
      ['demo --once', 'exit with the verdict'],
    ],
  )
    .option('--once', 'exit with the verdict')
    .addOption(portOption('--http <port>', 'HTTP port on 127.0.0.1; 0 picks a free one', 'HTTP_PORT', 8080))
    .addOption(portOption('--https <port>', 'HTTPS port', 'HTTPS_PORT', 8443))
    .addOption(portOption('--prometheus <port>', 'Prometheus port', 'PROMETHEUS_PORT', 9090))
    .option('--room <port>', 'port of the control room', port, 9700)
    .addOption(pathOption('--dir <folder>', 'folder of data and logs', defaultDir, '.unsticky/local'))
    .addOption(jsonOption())
    .action(run(demo));
}

async function demo({ once, room: roomPort, quiet, json, ...options }: DemoOptions): Promise<number> {
  const { local } = drivers;
  const place = { dir: options.dir, env: process.env };
  if (await local.find(place)) throw new FleetError('a fleet is already up: stop it with "unsticky down"');
  const terminal = createTerminal({ quiet, json });
  const ending = endOfProcess();
  terminal.report('Starting 3 replicas behind nginx, with Redis and Prometheus …');
  const start = { replicas: 3, store: 'durable', tlsDir: process.env.TLS_DIR, report: terminal.report };
  const started = await withEnding(local.start({ ...options, ...place, ...start }), ending);
  if (!started) return interrupted; // before there was anything to judge
  const { fleet, ended } = started;
  try {
    const down = (ended ?? aborted(ending)).then(() => {});
    const stop = AbortSignal.any([ending, abortedBy(down)]);
    const users = createDemoUsers(200, createRoomUsers({ users: 100, rate: 200 }));
    const room = await openRoom(options.dir, users, roomPort, terminal);
    const report = await runDemoPlan(fleet, users, terminal, stop, json ?? false);
    announceVerdict(room, report);
    if (!once && !stop.aborted) {
      const { http, prometheus } = await fleet.describe();
      terminal.report(`\nThe fleet stays up: open ${http} and kill the replica that served you: unsticky kill 2`);
      if (room) terminal.report(`Or break it in the control room: ${room.link}`);
      terminal.hint(`Prometheus: ${prometheus}. Ctrl-C stops everything.`);
      await aborted(stop);
    }
    await room?.close();
    await withTimeout(users.stop(), 2000);
    return exitCodeOf(report);
  } finally {
    await fleet.down();
    terminal.report('stopped');
  }
}

async function runDemoPlan(
  fleet: Fleet,
  users: ReturnType<typeof createDemoUsers>,
  terminal: Terminal,
  ending: AbortSignal,
  json: boolean,
): Promise<Report> {
  const { progress, print, style, width } = terminal;
  const plan = plans.demo;
  terminal.report(`\n200 users go shopping for ${plan.seconds} s while ${plan.about}.`);
  const load = { users: 200, rate: 500, background: 200, workload: shopping };
  const repeat = { seed: drawSeed(), command: 'npm run demo' };
  const history = await runPlan({
    ...{ fleet, name: 'demo', plan, ...load, ...repeat, progress, ending, watch: users.watch },
  });
  users.finishPlan();
  return saveAndJudge(history, path.resolve('report'), { json, write: print, cwd: process.cwd(), style, width });
}

function abortedBy(work: Promise<void>): AbortSignal {
  const controller = new AbortController();
  void work.then(() => controller.abort());
  return controller.signal;
}

/** The demo continues without a control room if it cannot be opened. The room drives the fleet as another process would. */
async function openRoom(
  dir: string,
  users: RoomUsers,
  port: number,
  terminal: Terminal,
): Promise<ControlRoom | undefined> {
  try {
    const fleet = await openFleet('local', { dir, env: process.env });
    const room = await startControlRoom({ fleet, users, port, portOption: '--room' });
    terminal.report(`control room ${room.link}`);
    return room;
  } catch (err) {
    terminal.report(`no control room: ${(err as Error).message}`);
    return undefined;
  }
}

function announceVerdict(room: ControlRoom | undefined, { verdict }: Report): void {
  const tone = ({ pass: 'good', fail: 'bad', unknown: 'unknown' } as const)[verdict];
  room?.announce(tone, `Verdict of the demo’s plan: ${verdict.toUpperCase()}`);
}
