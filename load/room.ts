import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { drivers, endOfProcess, explain, openFleet, wholeNumber } from '../deploy/fleet/command.ts';
import { defaultDir } from '../deploy/fleet/local-files.ts';
import { createRoom } from '../deploy/room/room.ts';
import { createRoomUsers } from './room-users.ts';

interface Options {
  fleet: string;
  port: number;
  dir: string;
  users: number;
  rate: number;
}

const options = new Command('room')
  .description('The control room: one page over the fleet that is up, to watch it and to break it. Until Ctrl-C.')
  .addOption(new Option('--fleet <driver>', 'which fleet').choices(drivers).default('local'))
  .option('--port <port>', 'port of the page, on 127.0.0.1; 0 picks a free one', wholeNumber(0, 65535), 9700)
  .option('--users <n>', 'how many users it can start', wholeNumber(1, 10_000), 100)
  .option('--rate <n>', 'requests a second that they do together', wholeNumber(1, 100_000), 200)
  .option('--dir <folder>', 'where the local fleet is', (dir) => path.resolve(dir), defaultDir)
  .parse()
  .opts<Options>();

process.exit(await run(options).catch(explain));

async function run({ fleet: driver, port, dir, users, rate }: Options): Promise<number> {
  const ending = endOfProcess();
  const fleet = await openFleet(driver, dir);
  const visitors = createRoomUsers({ users, rate });
  const room = await createRoom({ fleet, visitors, port });
  console.log(`control room: ${room.link}`);
  console.log('The link has the key: whoever has it can break this fleet. Ctrl-C closes the room; the fleet stays up.');
  await ending;
  await room.close();
  await Promise.race([visitors.stop(), sleep(2000)]);
  return 0;
}
