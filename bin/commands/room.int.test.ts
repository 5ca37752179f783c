import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connectFleet } from '../../deploy/fleet/local/remote.ts';
import { createRoomUsers } from '../../load/users/room-users.ts';
import { connectViewer, openRoom, sendAction, startServedFleet } from '../../test/control-room.ts';
import { makeDir, startCommand } from '../../test/fleet.ts';

const patience = { timeout: 20_000 };

function startRoom(args: string[]) {
  const command = startCommand(['room', ...args]);
  onTestFinished(async () => void (command.child.kill('SIGKILL') && (await command.exited)));
  return command;
}

/** Resolves once the room is open. @returns the two parts of its link */
async function readLink(command: ReturnType<typeof startRoom>): Promise<{ url: string; token: string }> {
  const link = /control room: (http\S+)\/#(\S+)/;
  await expect.poll(() => command.out(), patience).toMatch(link);
  const [, url = '', token = ''] = link.exec(command.out()) ?? [];
  return { url, token };
}

test('without a fleet the command fails with one line', async () => {
  const { dir, remove } = makeDir();
  onTestFinished(remove);
  const command = startRoom(['--dir', dir, '--port', '0']);
  expect(await command.exited).toBe(1);
  expect(command.out()).toMatch(/^unsticky: no fleet is up: start one with .*\n$/);
});

test('one link opens the room; users start and stop; Ctrl-C ends it, and the fleet stays up', async () => {
  const fleet = await startServedFleet();
  onTestFinished(() => fleet.end());
  const command = startRoom(['--dir', fleet.dir, '--port', '0', '--users', '20', '--rate', '60']);
  const room = await readLink(command);
  expect(command.out().match(/http:/g)).toHaveLength(1);
  const viewer = await connectViewer(room);
  await expect.poll(() => viewer.view?.users.state, patience).toBe('away');
  await sendAction(room, 'users-start');
  await expect.poll(() => viewer.view?.users.totals?.writes, patience).toBeGreaterThan(5);
  await expect.poll(() => viewer.view?.users.perSecond, patience).toBeGreaterThan(0);
  await expect.poll(() => viewer.view?.users.totals?.intact, patience).toBe(20); // the last one has logged in
  expect(viewer.view?.users.totals).toMatchObject({ users: 20, intact: 20, lost: 0, writesLost: 0, failed: 0 });
  await sendAction(room, 'users-stop');
  await expect.poll(() => viewer.view?.users.state, patience).toBe('away');
  command.child.kill('SIGINT');
  expect(await command.exited).toBe(0);
  expect((await fleet.fleet.replicas()).map(({ state }) => state)).toEqual(['ready', 'ready']);
});

test('a port in use is a one-line error', async () => {
  const fleet = await startServedFleet({ replicas: 1 });
  onTestFinished(() => fleet.end());
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const command = startRoom(['--dir', fleet.dir, '--port', String(port)]);
  expect(await command.exited).toBe(1);
  expect(command.out()).toMatch(new RegExp(`^unsticky: port ${port} \\(control room\\) is in use: .*--port\n$`));
});

test('users of the memory store find losses, those of the durable store none', async () => {
  for (const [store, isLost] of [
    ['memory', true],
    ['durable', false],
  ] as const) {
    const fleet = await startServedFleet({ store });
    const users = createRoomUsers({ users: 20, rate: 100 });
    try {
      await users.start({ http: fleet.http, store });
      const totals = () => users.status().totals;
      await expect.poll(() => totals()?.writes, patience).toBeGreaterThan(60);
      expect((totals()?.lost ?? 0) > 0).toBe(isLost);
      expect((totals()?.writesLost ?? 0) > 0).toBe(isLost);
    } finally {
      await users.stop();
      await fleet.end();
    }
  }
});

test('no session is intact before its login', async () => {
  const users = createRoomUsers({ users: 5, rate: 50 });
  void users.start({ http: 'http://127.0.0.1:1', store: 'durable' }).catch(() => {});
  await expect.poll(() => users.status().totals?.failed, patience).toBeGreaterThan(0);
  expect(users.status()).toMatchObject({ state: 'arriving', totals: { intact: 0, lost: 0 } });
  await expect(users.start({ http: 'http://127.0.0.1:1', store: 'durable' })).rejects.toThrow(
    'already, or about to be',
  );
  await users.stop();
});

test('after a switch to the plain store the headline names the lost writes', async () => {
  const fleet = await startServedFleet();
  onTestFinished(() => fleet.end());
  const room = await openRoom({ fleet: await fleet.connect(), users: createRoomUsers({ users: 20, rate: 200 }) });
  onTestFinished(() => room.close());
  const viewer = await connectViewer(room);
  await expect.poll(() => viewer.view?.replicas.length, patience).toBe(2);
  await sendAction(room, 'users-start');
  await expect.poll(() => viewer.view?.users.state, patience).toBe('busy');
  await sendAction(room, 'store-plain');
  await expect.poll(() => viewer.log().join(), patience).toMatch('Switched to the plain store');
  const headline = () => viewer.view?.headline.text;
  await expect.poll(headline, patience).toMatch(/acknowledged writes? (is|are) missing: the "plain" store loses data/);
  await sendAction(room, 'users-stop');
  await expect.poll(() => viewer.view?.users.state, patience).toBe('away');
});

const isLinux = process.platform === 'linux';

test.runIf(isLinux)(
  'following ten replicas for a second takes less CPU time than parsing 6 MB of JSON, and their fleet as little',
  async () => {
    const { dir, remove } = makeDir();
    onTestFinished(remove);
    // In a process of its own, so that neither this test nor the viewer counts as the fleet.
    const up = startCommand(['up', '--dir', dir, '-n', '10', '--http', '0', '--https', '0', '--prometheus', '0']);
    onTestFinished(async () => void (up.child.kill('SIGINT') && (await up.exited)));
    await expect.poll(async () => (await connectFleet(dir)) !== undefined, patience).toBe(true);
    const command = startRoom(['--dir', dir, '--port', '0']);
    const viewer = await connectViewer(await readLink(command));
    await expect.poll(() => viewer.view?.replicas.length, patience).toBe(10);
    const cpu = () => [command, up].map(({ child }) => cpuSeconds(child.pid as number));
    const updates = () => viewer.text.match(/^event: update$/gm)?.length ?? 0;
    // A busy machine makes all of this slower alike, so the unit is measured in the same seconds.
    const parsing = { times: 0, cpuSeconds: 0 };
    const parse = () => {
      const start = process.cpuUsage();
      for (let times = 0; times < 50; times++) JSON.parse(tenKilobytes);
      const { user, system } = process.cpuUsage(start);
      parsing.times += 1;
      parsing.cpuSeconds += (user + system) / 1e6;
    };
    const before = { cpu: cpu(), at: performance.now(), updates: updates() };
    const observe = () => {
      parse();
      return updates();
    };
    await expect.poll(observe, { timeout: 30_000, interval: 500 }).toBe(before.updates + 12);
    const seconds = (performance.now() - before.at) / 1000;
    const [room = 1, fleet = 1] = cpu().map((after, at) => after - (before.cpu[at] as number));
    const megabytes = (parsing.times * 50 * tenKilobytes.length) / 1e6;
    const unit = (6 * seconds * parsing.cpuSeconds) / megabytes;
    const percent = (cpu: number) => `${((100 * cpu) / seconds).toFixed(1)} %`;
    console.log(`of a core: the room ${percent(room)}, the fleet for it ${percent(fleet)}, the unit ${percent(unit)}`);
    expect(seconds / 12).toBeLessThan(1.3);
    expect(room / unit).toBeLessThan(1);
    expect(fleet / unit).toBeLessThan(1);
  },
);

const tenKilobytes = JSON.stringify(Array.from({ length: 200 }, (_, n) => ({ n, text: 'lorem ipsum dolor sit amet' })));

/** CPU time in user and system mode (proc_pid_stat(5), which counts hundredths of a second). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
