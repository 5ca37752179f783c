import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { findPort } from '../../deploy/fleet/ports.ts';
import { createVisitor, startTestRedis, type TestRedis, until } from '../../test/replica.ts';

// What others get: the package is built, packed and installed into an empty folder, where README's app runs on it.

const project = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-package-'));
const ends: (() => void)[] = [];
let redis: TestRedis;
let urls: string[];

const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });

const readme = readFileSync(path.join(project, 'src/sessions/README.md'), 'utf8');
const codeAfter = (text: string) => /```js\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf(text)))?.[1] ?? '';

beforeAll(async () => {
  redis = await startTestRedis();
  run('npm', ['run', 'build'], project);
  const packed = run('npm', ['pack', '--silent', '--pack-destination', folder, './dist'], project).trim();
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module", "private": true }');
  const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(project, 'package.json'), 'utf8'));
  const versions = { ...dependencies, ...devDependencies };
  const peers = ['express', 'express-session', 'redis', '@types/express', '@types/express-session', '@types/node'];
  const named = peers.map((name) => `${name}@${versions[name]}`);
  run(
    'npm',
    ['install', '--no-fund', '--no-audit', '--prefer-offline', '--loglevel=error', `./${packed}`, ...named],
    folder,
  );

  writeFileSync(path.join(folder, 'app.js'), codeAfter('## Use it'));
  urls = await Promise.all([start(), start()]);
}, 180_000);
afterAll(async () => {
  for (const end of ends) end();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(cwd = folder): Promise<string> {
  const PORT = String(await findPort());
  const env = { PATH: process.env.PATH, PORT, REDIS_URL: redis.url, SESSION_SECRET: 'p'.repeat(32) };
  const child = spawn(process.execPath, ['app.js'], { cwd, env, stdio: 'inherit' });
  ends.push(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${PORT}`;
  // A visit is only counted when the app has reached Redis; a look without a cookie does not ask it.
  await until(async () => (await createVisitor(url).send('POST', '/visits')).status === 200);
  return url;
}

test('README’s app counts every visit of one session, on two ports at once', async () => {
  const [one = '', two = ''] = urls;
  const visitor = createVisitor(one);
  await visitor.send('POST', '/visits');
  // Not more keys at once than a session keeps answers.
  const visits = Array.from({ length: 32 }, (_, visit) => {
    return createVisitor(visit % 2 === 0 ? one : two, visitor.cookie).send('POST', '/visits', undefined, {
      'idempotency-key': `visit-${visit >> 1}`,
    });
  });
  for (const { status } of await Promise.all(visits)) expect(status).toBe(200);
  for (const url of urls)
    expect((await createVisitor(url, visitor.cookie).send('GET', '/visits')).body).toEqual({ visits: 17 });
});

test('it runs as CommonJS over Express 4 and redis 5, installed without a conflict', async () => {
  const older = mkdtempSync(path.join(os.tmpdir(), 'unsticky-package-older-'));
  ends.push(() => rmSync(older, { recursive: true, force: true }));
  writeFileSync(path.join(older, 'package.json'), '{ "private": true }');
  const [packed = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  const options = ['--no-fund', '--no-audit', '--prefer-offline', '--loglevel=error', '--strict-peer-deps'];
  run('npm', ['install', ...options, path.join(folder, packed), 'express@4', 'express-session', 'redis@5'], older);
  const [head = ''] = /[\s\S]*\nconst app = .*\n/.exec(codeAfter('## Use it')) ?? [];
  const app = `${head}${codeAfter('**Express 4**')}app.listen(process.env.PORT, '127.0.0.1');\n`
    .replace(/^import (\w+) from ('.*');$/gm, 'const $1 = require($2);')
    .replace(/^import (\{.*\}) from ('.*');$/gm, 'const $1 = require($2);');
  writeFileSync(path.join(older, 'app.js'), app);
  const url = await start(older);
  const visitor = createVisitor(url);
  for (const visits of [1, 2])
    expect(await visitor.send('POST', '/visits')).toMatchObject({ status: 200, body: { visits } });

  // Express 4 catches nothing of an async handler: without `caught` the process would end here.
  const stopped = redis.process();
  stopped.kill('SIGSTOP');
  onTestFinished(() => void stopped.kill('SIGCONT'));
  expect(await createVisitor(url).send('POST', '/visits')).toMatchObject({ status: 503 });
  stopped.kill('SIGCONT');
  await until(async () => (await visitor.send('POST', '/visits')).status === 200);
}, 60_000);

test('its exports are the session layer alone', () => {
  const names = run(
    process.execPath,
    ['--input-type=module', '-e', "console.log(Object.keys(await import('unsticky')).sort().join())"],
    folder,
  );
  expect(names.trim()).toBe(
    'SessionError,createSessions,describeSession,destroySession,eraseSessions,followCluster,followPrimary,listSessions,redisOptions,renewSession,requireFresh,revokeSessions,sessionSignal,updateSession',
  );
  const files = run('tar', ['-tf', run('sh', ['-c', 'ls *.tgz'], folder).trim()], folder);
  expect(files).not.toMatch(/test|routes|server\./);
  const declared = files.split('\n').filter((file) => file.endsWith('.d.ts'));
  const own = [
    'create',
    'errors',
    'events',
    'index',
    'options',
    'redis/client',
    'redis/servers/cluster',
    'redis/servers/follow-primary',
    'redis/servers/primary',
    'request/session-signal',
    'update',
    'user-sessions',
  ];
  expect(declared.toSorted()).toEqual(
    own.flatMap((name) => [`package/cjs/${name}.d.ts`, `package/${name}.d.ts`]).toSorted(),
  );
  expect(readFileSync(path.join(folder, 'node_modules/unsticky/options.d.ts'), 'utf8')).not.toContain('checkOptions');
});

const typed = `
import { createSessions, followCluster, followPrimary, sessionSignal, updateSession, type SessionError, type SessionEvent } from 'unsticky';
import type { Request } from 'express';
import { createClient } from 'redis';
declare module 'express-session' { interface SessionData { visits: number } }
const client = createClient();
createSessions({ client, secrets: ['x'] });
const connectTo = ({ host, port }: { host: string; port: number }) => createClient({ socket: { host, port } });
const primary = followPrimary({ name: 'a', sentinels: [{ host: 'a', port: 1 }], connectTo });
export const onCluster = createSessions({ client: followCluster({ nodes: [{ host: 'a', port: 1 }], connectTo }), secrets: ['s'.repeat(32)] });
createSessions({ client: primary, secrets: ['x'], waitReplicas: 1 });
createSessions({ client, secrets: ['x'], genid: (req) => String(req.headers.host), cookie: { sameSite: 'lax' } });
export const events: SessionEvent[] = [];
createSessions({ client, secrets: ['x'], observe: (event) => events.push(event) });
export const merged = events.filter((event) => event.type === 'conflict' && event.outcome === 'merged').length;
export const visit = (req: Request): Promise<number> =>
  updateSession(req, (session) => (session.visits = (session.visits ?? 0) + 1));
export const code = (error: SessionError): string => error.code;
export const signal = (req: Request, socket: import('node:net').Socket): AbortSignal => sessionSignal(req, socket);
`;
const wrong = `
import { createSessions, updateSession } from 'unsticky';
import type { Request } from 'express';
import { createClient } from 'redis';
createSessions({ client: createClient(), secrets: ['x'], ttl: 5 });
export const visit = (req: Request) => updateSession(req, (session) => (session.nothing = 1));
`;

// TypeScript 7 is this project's; 5.9 is what most others have. Both check the package's own declarations, too.
test.each(['typescript@5.9', undefined])(
  'its types hold in strict code, as ES module and CommonJS: %s',
  (version) => {
    const options = ['install', '--no-save', '--no-fund', '--no-audit', '--prefer-offline', '--loglevel=error'];
    const own = mkdtempSync(path.join(os.tmpdir(), 'unsticky-package-typescript-'));
    ends.push(() => rmSync(own, { recursive: true, force: true }));
    if (version) run('npm', [...options, version], own);
    const bin = path.join(version ? own : project, 'node_modules/.bin/tsc');
    const files = { 'typed.mts': typed, 'typed.cts': typed, 'wrong.mts': wrong };
    for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, file), text);
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--types', 'node'];
    const args = [...strict, ...(version ? [] : ['--ignoreConfig']), ...Object.keys(files)];
    const { stdout } = spawnSync(bin, args, { cwd: folder, encoding: 'utf8' });
    expect(stdout).toMatch(/'ttl' does not exist[\s\S]*'nothing' does not exist/);
    for (const line of stdout.split('\n').filter((line) => line.includes('error'))) expect(line).toMatch(/^wrong\.mts/);
  },
  120_000,
);
