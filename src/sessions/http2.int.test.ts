import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../test/replica.ts';
import { createSessions, redisOptions, type SessionError } from './index.ts';

// Responses that go to no connection of Node's http/1.1: those of HTTP/2. test/compat has adapters without a connection.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
  if (redis.process().signalCode !== null) await redis.start();
});
afterAll(() => redis.stop());

type Handler = (req: Request & { session: { count?: number } }, res: Response) => unknown;
const count: Handler = ({ session }) => {
  session.count = (session.count ?? 0) + 1;
  return session.count;
};

/** Serves these handlers by their paths over HTTP/2, and sends to them as one visitor. */
async function start(handlers: Record<string, Handler>) {
  const client = createClient({ url: redis.url, ...redisOptions });
  client.on('error', () => {});
  await client.connect();
  const sessions = createSessions({ client, secrets: ['s'.repeat(32)], maxBytes: 1000 });
  const server = createServer((incoming, outgoing: Http2ServerResponse) => {
    const [req, res] = [incoming, outgoing] as unknown as Parameters<Handler>;
    sessions(req, res, (err?: unknown) => {
      if (err) return void res.writeHead((err as SessionError).status).end((err as SessionError).code);
      handlers[req.url.split('?')[0] ?? '']?.(req, res);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  cleanUp.push(
    () => client.destroy(),
    () => server.close(),
    () => connection.destroy(),
  );
  let cookie = '';
  return async (path: string, method = 'GET', headers: Record<string, string> = {}) => {
    const answer = await send(connection, { ':path': path, ':method': method, cookie, ...headers });
    const [line] = answer.headers['set-cookie'] ?? [];
    if (line) cookie = line.split(';', 1)[0] ?? '';
    return answer;
  };
}

async function send(connection: ClientHttp2Session, asked: Record<string, string>) {
  const stream = connection.request(asked, { signal: AbortSignal.timeout(5000) });
  let body = '';
  stream.setEncoding('utf8').on('data', (text) => {
    body += text;
  });
  const [[headers]] = await Promise.all([once(stream, 'response'), once(stream.end(), 'close')]);
  return { status: headers[':status'] as number, headers, body, code: stream.rstCode };
}

test('what a request changes is stored before its response leaves, however that is written', async () => {
  const send = await start({
    '/end': (req, res) => res.end(String(count(req, res))),
    '/head': (req, res) => res.writeHead(201, { 'x-count': String(count(req, res)) }).end(),
    '/parts': (req, res) => {
      res.write(`${count(req, res)},`);
      res.end('end');
    },
    '/new': (req, res) => req.session.regenerate(() => res.end(String(count(req, res)))),
    '/read': (req, res) => res.end(String(req.session.count)),
  });
  expect(await send('/end')).toMatchObject({ status: 200, body: '1' });
  expect(await send('/head')).toMatchObject({ status: 201, headers: { 'x-count': '2' } });
  expect(await send('/parts')).toMatchObject({ body: '3,end' });
  expect(await send('/read')).toMatchObject({ body: '3' });
  expect(await send('/new')).toMatchObject({ body: '1' });
  expect(await send('/read')).toMatchObject({ body: '1' });
});

test('a change that cannot be stored goes to the error handler, and nothing of the response is sent', async () => {
  const send = await start({
    '/large': (req, res) => {
      Object.assign(req.session, { large: 'x'.repeat(2000) });
      res.setHeader('x-large', 'yes');
      res.end('saved');
    },
    '/end': (req, res) => res.end(String(count(req, res))),
  });
  const refused = await send('/large');
  expect(refused).toMatchObject({ status: 413, body: 'session-too-large' });
  expect(refused.headers).not.toHaveProperty('x-large');
  expect(refused.headers).not.toHaveProperty('set-cookie');
  await send('/end');
  await redis.stop();
  expect(await send('/end')).toMatchObject({ status: 503, body: 'store-unavailable' });
});

test('what comes after the end of a response that waits does not change it', async () => {
  let hadHead: boolean | undefined;
  const send = await start({
    '/late': (req, res) => {
      count(req, res);
      res.end('first');
      hadHead = res.headersSent;
      res.statusCode = 500;
      res.setHeader('x-late', 'yes');
      res.writeHead(500);
      res.end('second');
    },
  });
  const { status, body, headers } = await send('/late');
  expect([status, body, headers['x-late'], hadHead]).toEqual([200, 'first', undefined, true]);
});

test('a stream waits at its head, continues, and what it changes later is stored before its end', async () => {
  const send = await start({
    '/stream': async (req, res) => {
      count(req, res);
      let drained = 0;
      for (let part = 0; part < 4; part++) {
        if (!res.write('x'.repeat(100_000))) await once(res, 'drain').then(() => drained++);
      }
      count(req, res);
      res.end(`,${drained > 0}`);
    },
    '/broken': async (req, res) => {
      res.write('x');
      await pause(1);
      Object.assign(req.session, { large: 'x'.repeat(2000) });
      res.end('y');
    },
    '/read': (req, res) => res.end(String(req.session.count)),
  });
  const { body } = await send('/stream');
  expect([body.length, body.slice(-5)]).toEqual([400_005, ',true']);
  expect(await send('/read')).toMatchObject({ body: '2' });
  await expect(send('/broken')).rejects.toMatchObject({ code: 'ERR_HTTP2_STREAM_ERROR' });
  expect(await send('/read')).toMatchObject({ body: '2' });
});

test('a repeat of a request gets its response, and changes nothing', async () => {
  const send = await start({
    '/count': (req, res) => {
      const body = String(count(req, res));
      res.writeHead(201, { 'content-type': 'text/plain' }).end(body);
    },
  });
  await send('/count');
  const key = { 'idempotency-key': 'one' };
  const answers = [await send('/count', 'POST', key), await send('/count', 'POST', key)];
  expect(answers.map(({ body }) => body)).toEqual(['2', '2']);
  expect(await send('/count')).toMatchObject({ body: '3' });
});
