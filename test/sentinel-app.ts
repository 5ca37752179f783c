import express from 'express';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createClient } from 'redis';
import { onTestFinished } from 'vitest';
import {
  createSessions,
  destroySession,
  followPrimary,
  type PrimaryClient,
  redisOptions,
  renewSession,
  updateSession,
} from '../src/sessions/index.ts';
import type { TestSentinels } from './sentinel.ts';

// An app with sessions on a Redis with sentinels, for the test that starts it.

export const clientOf = ({ host, port }: { host: string; port: number }) =>
  createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port } });

async function connect(redis: TestSentinels) {
  const client = followPrimary({ name: redis.name, sentinels: redis.sentinels, connectTo: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  return client;
}

/** Its URL. It counts the items that a visitor adds. @param given the client, if not one that follows the primary */
export async function startApp(redis: TestSentinels, options: { waitReplicas?: number } = {}, given?: PrimaryClient) {
  const client = given ?? (await connect(redis));
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
  return { client, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
