import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeDir, startCommand } from '../deploy/fleet/testing.ts';
import { look, press, startServedFleet } from '../deploy/room/testing.ts';
import { createRoomUsers } from './room-users.ts';

const patience = { timeout: 20_000 };

function startRoom(args: string[]) {
  const command = startCommand('load/room.ts', args);
  onTestFinished(async () => void (command.child.kill('SIGKILL') && (await command.exited)));
  return command;
}

/** @returns what its link says */
async function opened(command: ReturnType<typeof startRoom>): Promise<{ url: string; token: string }> {
  const link = /control room: (http\S+)\/#(\S+)/;
  await expect.poll(() => command.out(), patience).toMatch(link);
  const [, url = '', token = ''] = link.exec(command.out()) ?? [];
  return { url, token };
}

test('where nothing is up that is said in one line', async () => {
  const { dir, remove } = makeDir();
  onTestFinished(remove);
  const command = startRoom(['--dir', dir, '--port', '0']);
  expect(await command.exited).toBe(1);
  expect(command.out()).toMatch(/^unsticky: nothing is up: start a fleet with .*\n$/);
});

test('one link opens it; users come and go; it ends with Ctrl-C, and the fleet stays', async () => {
  const fleet = await startServedFleet();
  onTestFinished(() => fleet.end());
  const command = startRoom(['--dir', fleet.dir, '--port', '0', '--users', '20', '--rate', '60']);
  const room = await opened(command);
  expect(command.out().match(/http:/g)).toHaveLength(1);
  const viewer = await look(room);
  await expect.poll(() => viewer.view?.visitors.state, patience).toBe('away');
  await press(room, 'users-start');
  await expect.poll(() => viewer.view?.visitors.totals?.writes, patience).toBeGreaterThan(5);
  await expect.poll(() => viewer.view?.visitors.perSecond, patience).toBeGreaterThan(0);
  expect(viewer.view?.visitors.totals).toMatchObject({ users: 20, whole: 20, lost: 0, writesLost: 0, failed: 0 });
  await press(room, 'users-stop');
  await expect.poll(() => viewer.view?.visitors.state, patience).toBe('away');
  command.child.kill('SIGINT');
  expect(await command.exited).toBe(0);
  expect((await fleet.fleet.replicas()).map(({ state }) => state)).toEqual(['ready', 'ready']);
});

test('a taken port is said in one line', async () => {
  const fleet = await startServedFleet({ replicas: 1 });
  onTestFinished(() => fleet.end());
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const command = startRoom(['--dir', fleet.dir, '--port', String(port)]);
  expect(await command.exited).toBe(1);
  expect(command.out()).toMatch(new RegExp(`^unsticky: port ${port} \\(control room\\) is taken: .*--port\n$`));
});

test('with memory stores the users find what is lost, and with ours nothing', async () => {
  for (const [store, isLost] of [
    ['memory', true],
    ['durable', false],
  ] as const) {
    const fleet = await startServedFleet({ store });
    const visitors = createRoomUsers({ users: 20, rate: 100 });
    try {
      await visitors.start({ http: fleet.http, store });
      const seen = () => visitors.look().totals;
      await expect.poll(() => seen()?.writes, patience).toBeGreaterThan(60);
      expect((seen()?.lost ?? 0) > 0).toBe(isLost);
      expect((seen()?.writesLost ?? 0) > 0).toBe(isLost);
    } finally {
      await visitors.stop();
      await fleet.end();
    }
  }
});

const isLinux = process.platform === 'linux';

test.runIf(isLinux)('following ten replicas every second takes less than 5 % of a core', async () => {
  const fleet = await startServedFleet({ replicas: 10, prometheus: 0 });
  onTestFinished(() => fleet.end());
  const command = startRoom(['--dir', fleet.dir, '--port', '0']);
  const viewer = await look(await opened(command));
  await expect.poll(() => viewer.view?.replicas.length, patience).toBe(10);
  const before = { cpu: cpuSeconds(command.child.pid as number), at: performance.now() };
  const { at = 0 } = viewer.view ?? {};
  await expect.poll(() => (viewer.view?.at ?? 0) - at, { timeout: 30_000 }).toBeGreaterThan(10_000);
  const seconds = (performance.now() - before.at) / 1000;
  expect((cpuSeconds(command.child.pid as number) - before.cpu) / seconds).toBeLessThan(0.05);
});

/** In user and system mode (proc_pid_stat(5)), in hundredths of a second as Linux counts. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
