import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { createClient } from 'redis';
import { expect, onTestFinished } from 'vitest';
import { handleOf, keyOfHandle } from '../src/sessions/hash.ts';
import {
  createSessions,
  destroySession,
  followCluster,
  followPrimary,
  type PrimaryClient,
  redisOptions,
  renewSession,
  revokeSessions,
  sessionSignal,
  type SessionsOptions,
  updateSession,
} from '../src/sessions/index.ts';
import { slotOf } from '../src/sessions/redis/servers/topology.ts';
import type { TestCluster } from './cluster.ts';
import { createVisitor, sessionIdOf } from './replica.ts';
import type { TestSentinels } from './sentinel.ts';

// An app with sessions on a Redis of several servers, for the test that starts it.

export const clientOf = ({ host, port }: { host: string; port: number }) =>
  createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port } });

async function connect(redis: TestSentinels) {
  const client = followPrimary({ name: redis.name, sentinels: redis.sentinels, connectTo: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  return client;
}

/** @param given the client, if not one that follows the primary */
export async function startApp(redis: TestSentinels, options: Partial<SessionsOptions> = {}, given?: PrimaryClient) {
  const client = given ?? (await connect(redis));
  return { client, url: await serveApp(client, options) };
}

/** @returns its URL. It keeps a list of the items that a visitor adds. */
export async function serveApp(client: SessionsOptions['client'], options: Partial<SessionsOptions> = {}) {
  const app = express().use(express.json());
  app.use(createSessions({ client, secrets: ['s'.repeat(32)], ...options }));
  app.post('/login', async (req, res) => {
    await renewSession(req, (session) => Object.assign(session, { user: { id: req.body.name } }));
    res.json(true);
  });
  app.post('/add', async (req, res) => {
    const add = (session: { list?: number[] }) => (session.list = [...(session.list ?? []), req.body.item]);
    res.json(await updateSession(req, add as never));
  });
  app.post('/logout', async (req, res) => {
    await destroySession(req);
    res.status(204).end();
  });
  app.post('/logout-everywhere', async (req, res) => {
    res.json(await revokeSessions(req, (req.session as { user?: { id: string } }).user?.id ?? ''));
  });
  app.get('/stream', (req, res) => {
    const signal = sessionSignal(req);
    signal.addEventListener('abort', () => res.end(signal.reason.code));
    res.write('begin ');
  });
  app.get('/', (req, res) => {
    const { user, list } = req.session as { user?: object; list?: number[] };
    res.json({ user: user ?? null, list: list ?? [] });
  });
  app.use(
    ((err, _req, res, _next) =>
      void res.status(err.status ?? 500).json({ code: err.code })) as express.ErrorRequestHandler,
  );
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Visitors, and the items that each has added with success. */
export const openVisitors = (url: string) =>
  Array.from({ length: 20 }, () => ({ visitor: createVisitor(url), added: [] as number[] }));

/** Between two items of a visitor. Without a pause they keep the processors busy, which makes every response slow. */
const thinkMs = 20;

/** All add items until `isOver`. @returns how many were refused, with which codes, and how long the slowest response took */
export async function keepAdding(visitors: ReturnType<typeof openVisitors>, isOver: () => boolean) {
  let [slowestMs, item, refused] = [0, 0, 0];
  const codes = new Set<string>();
  const add = async ({ visitor, added }: (typeof visitors)[number]) => {
    while (!isOver()) {
      const start = performance.now();
      const own = ++item;
      const { status, body } = await visitor.send('POST', '/add', { item: own });
      slowestMs = Math.max(slowestMs, performance.now() - start);
      if (status === 200) added.push(own);
      else {
        refused += 1;
        codes.add(`${status} ${body.code}`);
      }
      await sleep(thinkMs);
    }
  };
  await Promise.all(visitors.map(add));
  return { codes, refused, slowestMs };
}

/** The same on a Cluster, of which it is given one server. */
export async function startClusterApp(redis: TestCluster, options: Partial<SessionsOptions> = {}) {
  const client = followCluster({ nodes: redis.nodes.slice(0, 1), connectTo: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  return { client, url: await serveApp(client, options) };
}

/** Logs all in. */
export async function login(visitors: ReturnType<typeof openVisitors>): Promise<void> {
  for (const [number, { visitor }] of visitors.entries())
    expect((await visitor.send('POST', '/login', { name: `user-${number}` })).status).toBe(200);
}

/** Each is who it was, and has what it has added. */
export async function expectIntact(visitors: ReturnType<typeof openVisitors>): Promise<void> {
  for (const [number, { visitor, added }] of visitors.entries()) {
    const { body } = await visitor.send('GET', '/');
    expect(body.user).toEqual({ id: `user-${number}` });
    expect(body.list).toEqual(expect.arrayContaining(added));
  }
}

/** All add items until the end. */
export function startAdding(visitors: ReturnType<typeof openVisitors>) {
  let isOver = false;
  const adding = keepAdding(visitors, () => isOver);
  const end = () => {
    isOver = true;
    return adding;
  };
  onTestFinished(async () => void (await end()));
  return { end };
}

export const slotOfVisitor = (visitor: { cookie: string }) =>
  slotOf(keyOfHandle(handleOf(sessionIdOf(visitor.cookie))));
