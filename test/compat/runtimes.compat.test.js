import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startTestRedis } from '../replica.ts';
import { paths } from './app.js';
import { createBrowser } from './browser.js';

// The runtimes that people use besides Node, each with an http of its own: over express-session and over this layer a visitor
// sees the same, and of what cannot be saved this layer says so.

const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const folder = import.meta.dirname;
const app = path.join(folder, 'runtimes-app.js');
const runtimes = {
  bun: [app],
  deno: ['run', '--allow-net=127.0.0.1', '--allow-read', '--allow-env', '--allow-sys', app],
};

test.each(Object.entries(runtimes))('%s', async (name, args) => {
  const redis = await startTestRedis();
  ends.push(() => redis.stop());
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, REDIS_URL: redis.url, SECRET: 's'.repeat(32) };
  const program = path.join(folder, 'node_modules', '.bin', name);
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  ends.push(() => child.kill('SIGKILL') && exited);
  const [line] = await Promise.race([once(child.stdout, 'data'), exited]);
  const [plain, layer] = JSON.parse(line).ports.map((port) => createBrowser(port));
  for (const url of paths) expect(await layer.get(url), url).toEqual(await plain.get(url));
  expect(await layer.get('/large')).toMatchObject({ status: 413, body: 'session-too-large' });
  expect(await layer.get('/read')).toMatchObject({ status: 200, body: 'read 1' });
  await redis.stop();
  expect(await layer.get('/count')).toMatchObject({ status: 503, body: 'store-unavailable' });
});
