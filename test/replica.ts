import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { get } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import { findPort } from '../deploy/fleet/ports.ts';
import { readConfig } from '../src/config.ts';
import { createContext } from '../src/context.ts';
import { createLogger } from '../src/logger.ts';
import { startReplica } from '../src/server.ts';

// Support for tests: a real Redis, real replicas, visitors with cookies.

export interface TestRedis {
  port: number;
  url: string;
  process(): ChildProcess;
  /** Runs one command over a connection of its own. */
  command(...args: string[]): Promise<unknown>;
  /** The commands that clients send while `work` runs (MONITOR), without those of scripts and those of once a second. */
  countCommands(work: () => Promise<void>): Promise<string[]>;
  /** Starts it again after stop, on the same port. */
  start(): Promise<void>;
  /** Kills it (SIGKILL). Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts a Redis on the given or a free port. It is not persistent, or with appendOnly keeps every acknowledged write; with
 * `cluster` it is a Cluster of one node.
 */
export async function startTestRedis({
  port,
  appendOnly = false,
  cluster = false,
}: {
  port?: number;
  appendOnly?: boolean;
  cluster?: boolean;
} = {}): Promise<TestRedis> {
  const chosen = port ?? (await findPort());
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-redis-'));
  const args = [
    ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-port', String(await findPort())] : []),
    '--port',
    String(chosen),
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
  ];
  const keep = appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  let child: ChildProcess;
  const url = `redis://127.0.0.1:${chosen}`;
  const redis: TestRedis = {
    port: chosen,
    url,
    process: () => child,
    async start() {
      child = spawn('redis-server', [...args, ...keep], { stdio: 'ignore' });
      await until(() => redis.command('PING'));
    },
    async command(...args) {
      const client = createClient({ url, socket: { reconnectStrategy: false } });
      client.on('error', () => {});
      await client.connect();
      return client.sendCommand(args).finally(() => client.destroy());
    },
    async countCommands(work) {
      const client = createClient({ url });
      await client.connect();
      const lines: string[] = [];
      await client.monitor((line) => void lines.push(String(line)));
      await work();
      await redis.command('ECHO', 'the end');
      await until(() => lines.some((line) => line.includes('the end')));
      client.destroy();
      return lines.filter((line) => !/ lua\]|"(ECHO|CLIENT|HELLO|MONITOR|INFO)"/i.test(line));
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
  await redis.start();
  if (cluster) {
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await redis.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  }
  return redis;
}

/** Starts a replica in this process, on free ports, silent unless `lines` collects what it logs. */
export async function startTestReplica(settings: Record<string, string>, lines?: string[]) {
  const config = readConfig({
    REPLICA: 'test',
    DRAIN_DELAY_MS: '0',
    LOG_LEVEL: lines ? 'info' : 'silent',
    ...settings,
    PORT: '0',
    ADMIN_PORT: '0',
  });
  const logger = createLogger(config, { write: (line: string) => void lines?.push(line) });
  const replica = await startReplica(createContext(config, { logger }));
  return { ...replica, url: `http://127.0.0.1:${replica.port}`, adminUrl: `http://127.0.0.1:${replica.adminPort}` };
}

/** Starts `src/main.ts` as a process of its own; `lines` collects its output. @param stdout where its log goes instead */
export async function spawnReplica(settings: Record<string, string>, stdout: 'pipe' | number = 'pipe') {
  const ports = { PORT: String(await findPort()), ADMIN_PORT: String(await findPort()) };
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const { PATH } = process.env;
  const child = spawn(process.execPath, [main], {
    env: { PATH, ...ports, ...settings },
    stdio: ['ignore', stdout, 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => lines.push(text));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const adminUrl = `http://127.0.0.1:${ports.ADMIN_PORT}`;
  return { child, lines, exited, url: `http://127.0.0.1:${ports.PORT}`, adminUrl, said: () => lines.join('') };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

/** A visitor with one cookie, which follows Set-Cookie. */
export function createVisitor(url: string, cookie = '') {
  return {
    cookie,
    async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const response = await fetch(url + path, {
        method,
        headers: { ...json, ...(this.cookie && { cookie: this.cookie }), ...headers },
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(8000),
      });
      const [line] = response.headers.getSetCookie();
      if (line) this.cookie = line.split(';', 1)[0] ?? '';
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
    },
  };
}

/** Waits until `condition` returns a truthy value; a throw counts as false. Rejects after 10 s. */
export async function until<T>(condition: () => T | Promise<T>): Promise<Exclude<T, false | undefined | null>> {
  const deadline = performance.now() + 10_000;
  let failure: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | undefined | null>;
    } catch (err) {
      failure = err;
    }
    await sleep(10);
  }
  throw new Error(`not within 10 s: ${condition}`, { cause: failure });
}

/** The status with which `url` answers if it is asked under this name: the header Host. */
export function statusUnder(host: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on('error', reject);
  });
}

/** What is secret of a session id: what follows its home. */
export const secretOf = (id: string): string => id.slice(-32);

/** The session id that a cookie names: `sid=s:<id>~<time>.<signature>`, or without a time. */
export function sessionIdOf(cookie: string): string {
  const [, id = ''] = /^[\w-]+=s:([\w-]+)[.~]/.exec(decodeURIComponent(cookie)) ?? [];
  return id;
}
