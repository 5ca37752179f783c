import type { Command } from 'commander';
import { startControlRoom } from '../../deploy/control-room/server.ts';
import { openFleet } from '../../deploy/fleet/drivers.ts';
import { withTimeout } from '../../deploy/fleet/wait.ts';
import { createRoomUsers } from '../../load/users/room-users.ts';
import { aborted, endOfProcess } from '../foreground.ts';
import { addCommand, addFleetOptions, type FleetOptions, jsonOption, port, run, wholeNumber } from '../options.ts';
import { createTerminal } from '../terminal.ts';

interface RoomOptions extends FleetOptions {
  port: number;
  users: number;
  rate: number;
}

export function addRoom(program: Command): void {
  const command = addCommand(program, 'Start here:', 'room', 'open the control room of the fleet that is up', [
    ['room', 'prints the link to the page'],
    ['room --fleet compose --users 50', 'for containers, with up to 50 users'],
  ]);
  addFleetOptions(command)
    .option('--port <port>', 'port of the page on 127.0.0.1; 0 picks a free one', port, 9700)
    .option('--users <n>', 'number of users that it can start', wholeNumber(1, 10_000), 100)
    .option('--rate <n>', 'requests per second of all users together', wholeNumber(1, 100_000), 200)
    .addOption(jsonOption())
    .action(run(openRoom));
}

async function openRoom(options: RoomOptions): Promise<void> {
  const { fleet: driver, dir, port, users: count, rate, json } = options;
  const terminal = createTerminal(options);
  const ending = endOfProcess();
  const fleet = await openFleet(driver, { dir, env: process.env });
  const users = createRoomUsers({ users: count, rate });
  const room = await startControlRoom({ fleet, users, port });
  terminal.print(json ? JSON.stringify({ link: room.link }) : `control room: ${room.link}`);
  terminal.hint(
    'The link contains the key: whoever has it can break this fleet. Ctrl-C closes the room; the fleet stays up.',
  );
  await aborted(ending);
  await room.close();
  await withTimeout(users.stop(), 2000);
  terminal.report('stopped; the fleet stays up');
}
