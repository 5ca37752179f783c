import { once } from 'node:events';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { connectFleet } from '../../deploy/fleet/local/remote.ts';
import { lastLines } from '../../deploy/fleet/logs.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';
import { descendantsOf, isAlive, makeDir, startCommand } from '../../test/fleet.ts';

const others = ['--https', '0', '--prometheus', '0', '-n', '2'];
const free = ['--http', '0', ...others];
const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const end of cleanUp.splice(0).reverse()) end();
});

function prepare() {
  const { dir, remove } = makeDir();
  cleanUp.push(remove);
  return path.join(dir, 'a fleet'); // spaces in the path are allowed
}

async function run(args: string[], env?: NodeJS.ProcessEnv) {
  const { exited, out } = startCommand(args, env);
  return { code: await exited, out: out() };
}

/** Starts `up` in the foreground. @returns it once it is up, with the processes it has started */
async function startUp() {
  const dir = prepare();
  const up = startCommand(['up', '--dir', dir, ...free]);
  cleanUp.push(() => up.child.kill('SIGKILL'));
  await waitFor(`up: ${up.out()}`, () => connectFleet(dir), { timeoutMs: 15_000 });
  const started = descendantsOf(up.child.pid as number);
  expect(started.length).toBeGreaterThanOrEqual(7); // redis, nginx and its workers, prometheus, 2 replicas, the reaper
  return { ...up, dir, started };
}

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('%s of up leaves no process behind', async (signal) => {
  const { child, started, exited } = await startUp();
  child.kill(signal);
  expect(await exited).toBe(signal === 'SIGKILL' ? null : 0);
  await waitFor('all are gone', async () => !started.some(isAlive), { timeoutMs: 5000 });
});

test('the second SIGINT of a Ctrl-C, which npm forwards, does not interrupt the shutdown', async () => {
  const { child, dir, started, exited } = await startUp();
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await exited).toBe(0);
  await waitFor('all are gone', async () => !started.some(isAlive), { timeoutMs: 5000 });
  expect(lastLines(path.join(dir, 'logs/replica-1.log'), 1)[0]).toContain('"finished":true,"msg":"stopped"');
});

test('no other user may enter the folder of the fleet', async () => {
  const { dir } = await startUp();
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test('down ends a paused replica too', async () => {
  const { child, dir, started, exited } = await startUp();
  expect((await run(['pause', '1', '--dir', dir])).code).toBe(0);
  child.kill('SIGINT');
  await exited;
  await waitFor('all are gone', async () => !started.some(isAlive), { timeoutMs: 5000 });
});

test('interrupted while it starts, it leaves nothing behind', async () => {
  const up = startCommand(['up', '--dir', prepare(), ...free]);
  const started = await waitFor(
    'redis is started',
    async () => {
      const found = descendantsOf(up.child.pid as number);
      return found.length >= 2 ? found : undefined;
    },
    { timeoutMs: 5000 },
  );
  up.child.kill('SIGINT');
  await up.exited;
  await waitFor('all are gone', async () => !started.some(isAlive), { timeoutMs: 5000 });
});

test('commands drive a fleet in the background, with text and JSON output', async () => {
  const dir = prepare();
  const at = ['--dir', dir];
  const up = await run(['up', '--detach', ...at, ...free]);
  expect(up).toMatchObject({ code: 0, out: expect.stringContaining('replica-2') });
  try {
    expect(await run(['up', ...at])).toMatchObject({ code: 1, out: expect.stringContaining('a fleet is already up') });
    expect((await run(['status', ...at])).out).toMatch(
      /^local fleet, durable store: http:.*\n\nreplica +name +runs as +state +since +requests served\n +1 +replica-1 +pid \d+ +ready/,
    );
    expect((await run(['kill', '2', ...at])).out).toMatch(/replica-2 +pid \d+ +down/);
    expect((await run(['restart', 'replica-2', ...at])).out).toMatch(/replica-2 +pid \d+ +ready/);
    const scaled = await run(['scale', '3', '--json', ...at]);
    expect(JSON.parse(scaled.out).replicas).toHaveLength(3);
    const killed = await run(['kill', 'redis', ...at]);
    expect(killed.out).toMatch(
      /\nnginx +pid \d+ +ready +\d+ s ago\nredis +pid \d+ +down +\d+ s ago\nprometheus +pid \d+ +ready/,
    );
    const paused = JSON.parse((await run(['pause', 'nginx', '--json', ...at])).out);
    expect(paused.parts.slice(0, 2)).toMatchObject([
      { name: 'nginx', state: 'paused', facts: [] },
      { name: 'redis', state: 'down', facts: [] },
    ]);
    expect(Date.now() - Date.parse(paused.parts[0].since)).toBeLessThan(5000);
    expect((await run(['resume', 'nginx', ...at])).out).toMatch(/nginx +pid \d+ +ready/);
    const restarted = await run(['restart', 'redis', ...at]);
    expect(restarted).toMatchObject({ code: 0 });
    expect(restarted.out).toMatch(/redis +pid \d+ +ready +\d+ s ago +master, memory [\d.]+ [kM]B of \d+ MB/);
    expect((await run(['roll', ...at])).out).toContain('replica-3 is back');
    expect(await run(['kill', '9', ...at])).toMatchObject({
      code: 1,
      out: expect.stringContaining('there is no 9: name a replica (1, 2, 3), redis or nginx'),
    });
    expect((await run(['scale', 'many', ...at])).code).toBe(1);
    expect((await run(['logs', 'redis', '--lines', '1', ...at])).out).toMatch(/^redis \| .+\n$/);
  } finally {
    expect((await run(['down', ...at])).out).toBe('the fleet is down; data and logs are kept\n');
  }
  expect((await run(['down', ...at])).out).toBe('no fleet is up\n');
  const logs = await run(['logs', 'redis', '--lines', '1', ...at]);
  expect(logs.out).toMatch(/^No fleet is up: these are the last lines of an earlier one\.\nredis \| .+\n$/);
  expect(await run(['status', ...at])).toMatchObject({ code: 1, out: expect.stringContaining('no fleet is up') });
});

test('a folder may have any name: its Redis has its settings, and its nginx its certificate', async () => {
  const { dir, remove } = makeDir();
  cleanUp.push(remove);
  const strange = path.join(dir, 'a$b "c\\d*[e]');
  const up = await run(['up', '--detach', '--dir', strange, ...free]);
  try {
    expect(up, up.out).toMatchObject({ code: 0 });
    const { parts, https } = JSON.parse((await run(['status', '--json', '--dir', strange])).out);
    expect(parts[1].facts.join()).toMatch(/^master,memory .* of 268 MB$/); // it has a limit and its append-only file
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      get(`${https}/whoami`, { rejectUnauthorized: false }, (res) => resolve(res.statusCode)).once('error', reject);
    });
    expect(answer).toBe(200);
  } finally {
    await run(['down', '--dir', strange]);
  }
});

test('a lock of a process that is gone holds no folder, even if another process has its id', async () => {
  const { dir } = prepareLocked(`${process.pid} Thu Jan  1 00:00:00 1970`);
  const { child, exited } = startCommand(['up', '--dir', dir, ...free]);
  await waitFor('it is up', () => connectFleet(dir), { timeoutMs: 15_000 });
  child.kill('SIGINT');
  expect(await exited).toBe(0);
});

function prepareLocked(owner: string) {
  const dir = prepare();
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'lock'), owner);
  return { dir };
}

test('a proxy of the environment is not asked for 127.0.0.1', async () => {
  const dir = prepare();
  const proxy = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '', no_proxy: '' };
  const up = await run(['up', '--detach', '--dir', dir, ...free], { ...process.env, ...proxy });
  await run(['down', '--dir', dir]);
  expect(up, up.out).toMatchObject({ code: 0, out: expect.stringContaining('replica-2') });
});

/** A port that something else listens on. */
async function takenPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => server.close());
  return String((server.address() as AddressInfo).port);
}

test('HTTP_PORT is the port of a local fleet too, and an option takes precedence', async () => {
  const env = { ...process.env, HTTP_PORT: await takenPort() };
  const dir = prepare();
  const up = async (ports: string[]) => {
    const started = await run(['up', '--detach', '--dir', dir, ...ports], env);
    await run(['down', '--dir', dir]);
    return started;
  };
  expect(await up(others)).toMatchObject({ code: 1, out: expect.stringContaining(`port ${env.HTTP_PORT}`) });
  expect(await up(free)).toMatchObject({ code: 0 });
});

test('a start that fails shows what it said itself, not what an earlier one said', async () => {
  const dir = prepare();
  mkdirSync(path.join(dir, 'logs'), { recursive: true });
  writeFileSync(path.join(dir, 'logs/up.log'), 'ready: http://127.0.0.1:8080\ngoing down\n');
  const port = await takenPort();
  const { code, out } = await run(['up', '--detach', '--dir', dir, ...free, '--http', port]);
  expect(code).toBe(1);
  expect(out).toContain(`port ${port}`);
  expect(out).not.toMatch(/ready:|going down/);
});

test('a paused replica is paused since then, not since its start', async () => {
  const { dir } = await startUp();
  const pausedAt = Date.now();
  const { out } = await run(['pause', '1', '--json', '--dir', dir]);
  const [first] = JSON.parse(out).replicas;
  expect(first).toMatchObject({ label: 'replica-1', state: 'paused' });
  expect(Date.parse(first.since)).toBeGreaterThanOrEqual(pausedAt);
});

test('without Redis on the machine: one line that says what to do, exit code 1', async () => {
  const bin = path.join(prepare(), 'bin');
  mkdirSync(bin, { recursive: true });
  for (const command of ['sh', 'openssl']) symlinkSync(`/usr/bin/${command}`, path.join(bin, command));
  const up = await run(['up', '--dir', prepare(), ...free], { PATH: bin });
  expect(up).toEqual({ code: 1, out: 'unsticky: redis-server is not installed: run "sh deploy/setup.sh"\n' });
});
