import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeDir, startCommand } from '../deploy/fleet/testing.ts';
import { look, openRoom, press, startServedFleet } from '../deploy/room/testing.ts';
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

test('nobody is whole before it has logged in', async () => {
  const visitors = createRoomUsers({ users: 5, rate: 50 });
  void visitors.start({ http: 'http://127.0.0.1:1', store: 'durable' }).catch(() => {});
  await expect.poll(() => visitors.look().totals?.failed, patience).toBeGreaterThan(0);
  expect(visitors.look()).toMatchObject({ state: 'arriving', totals: { whole: 0, lost: 0 } });
  await expect(visitors.start({ http: 'http://127.0.0.1:1', store: 'durable' })).rejects.toThrow('on their way');
  await visitors.stop();
});

test('in the room: users are there, the store is switched to plain, and what breaks is seen', async () => {
  const fleet = await startServedFleet();
  onTestFinished(() => fleet.end());
  const room = await openRoom({ fleet: await fleet.connect(), visitors: createRoomUsers({ users: 20, rate: 200 }) });
  onTestFinished(() => room.close());
  const viewer = await look(room);
  await expect.poll(() => viewer.view?.replicas.length, patience).toBe(2);
  await press(room, 'users-start');
  await expect.poll(() => viewer.view?.visitors.state, patience).toBe('busy');
  await press(room, 'store-plain');
  await expect.poll(() => viewer.log().join(), patience).toMatch('Switched sessions to the store plain');
  const sentence = () => viewer.view?.sentence.text;
  await expect.poll(sentence, patience).toMatch(/acknowledged writes? (is|are) missing: the store plain does not hold/);
  await press(room, 'users-stop');
  await expect.poll(() => viewer.view?.visitors.state, patience).toBe('away');
});

const isLinux = process.platform === 'linux';

test.runIf(isLinux)(
  'following ten replicas every second takes less than 5 % of a core, and their fleet as little',
  async () => {
    const fleet = await startServedFleet({ replicas: 10, prometheus: 0 });
    onTestFinished(() => fleet.end());
    const command = startRoom(['--dir', fleet.dir, '--port', '0']);
    const viewer = await look(await opened(command));
    await expect.poll(() => viewer.view?.replicas.length, patience).toBe(10);
    // The fleet is in this process: what it does for the room, it does here.
    const cpu = () => [cpuSeconds(command.child.pid as number), cpuSeconds(process.pid)] as const;
    const looks = () => viewer.text.match(/^event: news$/gm)?.length ?? 0;
    const before = { cpu: cpu(), at: performance.now(), looks: looks() };
    await expect.poll(looks, { timeout: 30_000, interval: 500 }).toBe(before.looks + 12);
    const seconds = (performance.now() - before.at) / 1000;
    const [room = 1, theirs = 1] = cpu().map((after, at) => (after - (before.cpu[at] as number)) / seconds);
    console.log(`the room: ${(100 * room).toFixed(1)} % of a core; the fleet, for it: ${(100 * theirs).toFixed(1)} %`);
    expect(seconds / 12).toBeLessThan(1.3);
    expect(room).toBeLessThan(0.05);
    expect(theirs).toBeLessThan(0.05);
  },
);

/** In user and system mode (proc_pid_stat(5)), in hundredths of a second as Linux counts. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
