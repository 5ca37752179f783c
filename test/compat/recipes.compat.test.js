import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { io } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findPort } from '../../deploy/fleet/ports.ts';
import { startTestRedis, until } from '../replica.ts';
import { startTestSentinels } from '../sentinel.ts';
import { createBrowser } from './browser.js';

// The recipes of the package's manual, run as they are printed, on the package as it is built.

const project = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-recipes-'));
const secret = 'r'.repeat(32);
const ends = [];
let redis;

const readme = readFileSync(path.join(project, 'src/sessions/README.md'), 'utf8');
const codeAfter = (text) => /```js\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf(text)))[1];
const [head] = /[\s\S]*\nconst app = .*\n/.exec(codeAfter('## Use it'));

beforeAll(async () => {
  execFileSync('npm', ['run', 'build'], { cwd: project, stdio: 'pipe' });
  rmSync(path.join(import.meta.dirname, 'node_modules/unsticky'), { force: true });
  symlinkSync(path.join(project, 'dist'), path.join(import.meta.dirname, 'node_modules/unsticky'));
  symlinkSync(path.join(import.meta.dirname, 'node_modules'), path.join(folder, 'node_modules'));
  redis = await startTestRedis();
}, 60_000);
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A recipe that listens before Redis is connected would answer the first request with 503 where that takes `deadlineMs`. */
const connected = "if (!client.isReady) await new Promise((ready) => client.once('ready', ready));\n";

/** @returns the browser of a visitor of the recipe that follows this text */
function start(text) {
  const code = codeAfter(text);
  const listen = code.includes('.listen(') ? '' : "app.listen(process.env.PORT, '127.0.0.1');\n";
  writeFileSync(path.join(folder, 'app.mjs'), `${head}${connected}${code}${listen}`);
  return startApp(folder);
}

/** @returns the browser of a visitor of app.mjs in this folder */
async function startApp(cwd) {
  const port = await findPort();
  const env = { PATH: process.env.PATH, PORT: String(port), REDIS_URL: redis.url, SESSION_SECRET: secret };
  const child = spawn(process.execPath, ['app.mjs'], { cwd, env, stdio: 'inherit' });
  ends.push(() => child.kill('SIGKILL'));
  const browser = createBrowser(port);
  await until(() =>
    browser
      .get('/')
      .then(() => true)
      .catch(() => false),
  );
  return Object.assign(browser, { port });
}

const json = (body) => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

test('Passport', async () => {
  const browser = await start('**Passport.**');
  expect(await browser.form('/login', { username: 'ada', password: 'wrong' })).toMatchObject({ status: 401 });
  expect(await browser.form('/login', { username: 'ada', password: 'secret' })).toMatchObject({ body: { id: 'ada' } });
  expect((await browser.get('/me')).body).toEqual({ id: 'ada' });
  await browser.send('POST', '/logout');
  expect((await browser.get('/me')).body).toBe(null);
});

test('remember me', async () => {
  const browser = await start('**Remember me.**');
  const daysOf = async (body) => {
    const response = await fetch(`http://127.0.0.1:${browser.port}/login`, { method: 'POST', ...json(body) });
    return Number(/Max-Age=(\d+)/.exec(response.headers.get('set-cookie'))[1]) / 86_400;
  };
  expect(await daysOf({ name: 'ada', remember: true })).toBe(30);
  expect(await daysOf({ name: 'ada' })).toBeLessThan(1);
});

test('OAuth', async () => {
  const browser = await start('**OAuth.**');
  const { location } = await browser.get('/login');
  const state = new URL(location).searchParams.get('state');
  const before = browser.cookie;
  expect(await browser.get('/callback?state=guessed&code=1')).toMatchObject({ status: 403 });
  expect(await browser.get(`/callback?state=${state}&code=1`)).toMatchObject({ status: 302, location: '/me' });
  expect(browser.cookie).not.toBe(before);
  expect((await browser.get('/me')).body).toEqual({ id: 'user of 1' });
  expect(await browser.get(`/callback?state=${state}&code=1`)).toMatchObject({ status: 403 });
});

test('server-sent events show changes, and end with the session', async () => {
  const browser = await start('**Server-sent events.**');
  await browser.send('POST', '/visits');
  const response = await fetch(`http://127.0.0.1:${browser.port}/events`, { headers: { cookie: browser.cookie } });
  let text = '';
  const ended = (async () => {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  await until(() => text.includes('data: 1'));
  await browser.send('POST', '/visits');
  await until(() => text.includes('data: 2'));
  await browser.send('POST', '/logout');
  await ended;
});

test('Socket.IO', async () => {
  const browser = await start('**Socket.IO.**');
  await browser.send('POST', '/name', json({ name: 'ada' }));
  for (const [transport, name] of [
    ['polling', 'ada'],
    ['websocket', 'ada by polling'],
  ]) {
    const extraHeaders = { cookie: browser.cookie };
    const socket = io(`http://127.0.0.1:${browser.port}`, { transports: [transport], extraHeaders });
    ends.push(() => socket.close());
    expect(await socket.emitWithAck('name')).toBe(name);
    expect(await socket.emitWithAck('rename', `ada by ${transport}`)).toBe('saved');
  }
});

test('Jest', async () => {
  const own = path.join(folder, 'jest');
  mkdirSync(own);
  symlinkSync(path.join(import.meta.dirname, 'node_modules'), path.join(own, 'node_modules'));
  writeFileSync(path.join(own, 'package.json'), '{}');
  writeFileSync(path.join(own, 'visits.test.js'), codeAfter('**Jest**'));
  const env = { PATH: process.env.PATH, REDIS_URL: redis.url };
  const jest = spawn(process.execPath, ['node_modules/.bin/jest', '--ci'], { cwd: own, env });
  let out = '';
  jest.stderr.on('data', (chunk) => {
    out += chunk;
  });
  const code = await new Promise((resolve) => jest.once('close', resolve));
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('1 passed') });
  expect(out).not.toContain('did not exit');
});

test('from connect-redis, and back', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  ends.push(() => client.destroy());
  const app = express();
  app.use(session({ store: new RedisStore({ client }), secret, resave: false, saveUninitialized: false }));
  app.get('/login', (req, res) => {
    req.session.user = { id: 'ada' };
    res.json({});
  });
  const server = app.listen(0, '127.0.0.1');
  ends.push(() => server.close());
  await until(() => server.listening);
  const before = createBrowser(server.address().port);
  await before.get('/login');

  const after = await start('**From connect-redis**');
  after.cookie = before.cookie;
  expect((await after.get('/me')).body).toEqual({ id: 'ada' });
  expect(after.cookie).toMatch(/(^|; )sid=/);

  const back = await start('**Back to connect-redis.**');
  back.cookie = after.cookie.split('; ').find((pair) => pair.startsWith('sid='));
  expect((await back.get('/me')).body).toEqual({ id: 'ada' });
  expect(back.cookie).toMatch(/connect\.sid=/);
  back.cookie = back.cookie.split('; ').find((pair) => pair.startsWith('connect.sid='));
  expect((await back.get('/me')).body).toEqual({ id: 'ada' });
});

test('Sentinel', async () => {
  const redis = await startTestSentinels();
  ends.push(() => void redis.stop());
  const port = await findPort();
  const code = codeAfter('**Sentinel.**')
    .replace('mymaster', redis.name)
    .replace(/sentinels: \[.*?\]/s, `sentinels: ${JSON.stringify(redis.sentinels)}`);
  const isOfClient = (line) => /^client|^const client|from 'redis'/.test(line);
  const [own, rest] = [code, codeAfter('## Use it').replace(' redisOptions,', '').split('\n')];
  const app = rest.filter((line) => !isOfClient(line)).join('\n');
  writeFileSync(path.join(folder, 'app.mjs'), `${own}${connected}${app}`);
  const env = { PATH: process.env.PATH, PORT: String(port), SESSION_SECRET: secret };
  const child = spawn(process.execPath, ['app.mjs'], { cwd: folder, env, stdio: ['inherit', 'inherit', 'ignore'] });
  ends.push(() => child.kill('SIGKILL'));
  const browser = createBrowser(port);
  await until(() => browser.send('POST', '/visits'));
  redis.process(await redis.primary()).kill('SIGKILL');
  await until(async () => (await browser.send('POST', '/visits')).status === 200);
  expect((await browser.get('/visits')).body.visits).toBeGreaterThan(1);
});

test('the app in one file, as a bundler makes it', async () => {
  const bundle = mkdtempSync(path.join(os.tmpdir(), 'unsticky-bundle-'));
  ends.push(() => rmSync(bundle, { recursive: true, force: true }));
  writeFileSync(path.join(folder, 'bundled.mjs'), codeAfter('## Use it'));
  const options = ['--target=node', `--outfile=${path.join(bundle, 'app.mjs')}`];
  execFileSync('node_modules/.bin/bun', ['build', 'bundled.mjs', ...options], { cwd: folder, stdio: 'pipe' });
  const browser = await startApp(bundle);
  for (const visits of [1, 2]) {
    await until(async () => (await browser.send('POST', '/visits')).status === 200);
    expect((await browser.get('/visits')).body).toEqual({ visits });
  }
});
