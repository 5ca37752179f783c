import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { explain, wholeNumber, withLocalFleet } from '../deploy/fleet/command.ts';
import { connectFleet, serveFleet } from '../deploy/fleet/control.ts';
import { FleetError } from '../deploy/fleet/fleet.ts';
import { defaultDir } from '../deploy/fleet/local-files.ts';
import { createRoom, type Room } from '../deploy/room/room.ts';
import type { Visitors } from '../deploy/room/visitors.ts';
import { createDemoVisitors } from './demo-visitors.ts';
import { createLive } from './live.ts';
import { visitors } from './mix.ts';
import { type Plan, plans } from './plan.ts';
import { drawSeed } from './random.ts';
import type { Report } from './report/json.ts';
import { createRoomUsers } from './room-users.ts';
import { runPlan } from './run.ts';
import { exitCodeOf, saveAndJudge } from './verdict.ts';

interface Options {
  once?: boolean;
  http: number;
  https: number;
  prometheus: number;
  room: number;
  dir: string;
}

const port = wholeNumber(0, 65535);
const options = new Command('demo')
  .description('Starts 3 replicas, keeps 200 users busy, breaks things, prints the verdict, and stays up until Ctrl-C.')
  .option('--once', 'end with the verdict')
  .option('--http <port>', 'port for http, on 127.0.0.1; 0 picks a free one', port, 8080)
  .option('--https <port>', 'port for https', port, 8443)
  .option('--prometheus <port>', 'port for Prometheus', port, 9090)
  .option('--room <port>', 'port for the control room', port, 9700)
  .option('--dir <folder>', 'where the fleet keeps data and logs', (dir) => path.resolve(dir), defaultDir)
  .parse()
  .opts<Options>();

process.exit(await demo(options).catch(explain));

async function demo({ once, http, https, prometheus, room: roomPort, dir }: Options): Promise<number> {
  if (await connectFleet(dir)) throw new FleetError('a fleet is up already: end it with "npm run down"');
  const report = console.log;
  report('Starting 3 replicas behind nginx, with Redis and Prometheus …');
  const fleet = {
    replicas: 3,
    store: 'durable',
    dir,
    http,
    https,
    prometheus,
    tlsDir: process.env.TLS_DIR,
    env: process.env,
    report,
  };
  const interrupted = 130; // before there was anything to judge
  const code = await withLocalFleet(fleet, async (fleet, ending) => {
    const { down } = await serveFleet(fleet, dir);
    const shoppers = createDemoVisitors(200, createRoomUsers({ users: 100, rate: 200 }));
    const room = await openRoom(dir, shoppers, roomPort, report);
    const plan = plans.demo as Plan;
    const seed = drawSeed();
    report(`\n200 users go shopping for ${plan.seconds} s, while ${plan.about}.`);
    const stop = new AbortController();
    void Promise.race([ending, down]).then(() => stop.abort());
    const live = createLive(process.stdout);
    const users = { users: 200, rate: 500, background: 200, mix: visitors, seed, command: 'npm run demo' };
    const { watch } = shoppers;
    const history = await runPlan({ fleet, name: 'demo', plan, ...users, live, ending: stop.signal, watch });
    shoppers.giveOver();
    const print = { json: false, write: report, cwd: process.cwd() };
    const judged = saveAndJudge(history, path.resolve('report'), print);
    tellVerdict(room, judged);
    if (once || stop.signal.aborted) return exitCodeOf(judged);
    const urls = await fleet.describe();
    report(`\nIt stays up: open ${urls.http} and kill what served you: npm run kill -- 2`);
    if (room) report(`Or break it in the control room: ${room.link}`);
    report(`Prometheus: ${urls.prometheus}. Ctrl-C ends everything.`);
    await Promise.race([ending, down]);
    await room?.close();
    await Promise.race([shoppers.stop(), sleep(2000)]);
    return exitCodeOf(judged);
  });
  return code ?? interrupted;
}

/** The demo goes on without it where there is none. It drives the fleet as another process would. */
async function openRoom(
  dir: string,
  visitors: Visitors,
  port: number,
  report: (line: string) => void,
): Promise<Room | undefined> {
  try {
    const fleet = await connectFleet(dir);
    if (!fleet) throw new FleetError('the fleet does not answer');
    const room = await createRoom({ fleet, visitors, port, portOption: '--room' });
    report(`control room ${room.link}`);
    return room;
  } catch (err) {
    report(`no control room: ${(err as Error).message}`);
    return undefined;
  }
}

function tellVerdict(room: Room | undefined, { verdict }: Report): void {
  const tone = ({ pass: 'good', fail: 'bad', unknown: 'unknown' } as const)[verdict];
  room?.say(tone, `The verdict on the demo’s plan: ${verdict.toUpperCase()}`);
}
