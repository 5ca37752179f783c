import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connections, createConnections } from './connections.ts';
import type { Kind } from './history.ts';
import { outcomeOf } from './site.ts';

let server: Server;
let connections: Connections;
afterEach(async () => {
  await connections.close();
  server.close();
});

const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Starts a server that calls `react` for each request, numbered from 1. */
async function start(react: (socket: Socket, number: number) => void): Promise<void> {
  let requests = 0;
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => react(socket, ++requests));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  connections = createConnections(`http://127.0.0.1:${port}`, 1);
}

async function send(method: 'GET' | 'POST' = 'GET') {
  let begun = 0;
  const body = method === 'POST' ? { body: '{}' } : {};
  const ended = await connections.send({ method, path: '/', headers: {}, ...body }, () => {
    begun += 1;
  });
  expect(begun).toBe(1);
  return ended;
}

describe('every request ends in exactly one way', () => {
  test('answered', async () => {
    await start((socket) => socket.write(answer('hello')));
    expect(await send()).toMatchObject({ status: 200, text: 'hello' });
  });

  test('refused: nothing was sent', async () => {
    await start(() => {});
    server.close();
    expect(await send('POST')).toEqual({ error: 'ECONNREFUSED', sent: false });
  });

  test.each(['GET', 'POST'] as const)(
    '%s: closed without an answer, on a new connection: it was sent',
    async (method) => {
      await start((socket) => socket.destroy());
      expect(await send(method)).toEqual({ error: 'UND_ERR_SOCKET', sent: true });
    },
  );

  test('reset without an answer: it was sent', async () => {
    await start((socket) => socket.resetAndDestroy());
    expect(await send('POST')).toMatchObject({ error: 'ECONNRESET', sent: true });
  });

  test('half an answer: it was sent', async () => {
    await start((socket) => socket.end(answer('hello').slice(0, -3)));
    expect(await send('POST')).toMatchObject({ sent: true });
  });

  test('closed by the server on a reused connection: distinguished as stale', async () => {
    await start((socket, number) => (number === 2 ? socket.destroy() : socket.write(answer('hello'))));
    expect(await send('POST')).toMatchObject({ status: 200 });
    expect(await send('POST')).toEqual({ error: 'closed', sent: true });
    expect(await send('POST')).toMatchObject({ status: 200 });
  });

  test('nothing is repeated unnoticed', async () => {
    let requests = 0;
    await start((socket, number) => {
      requests = number;
      socket.destroy();
    });
    await send('GET');
    expect(requests).toBe(1);
  });
});

const problem = (code: string) => `{"type":"urn:problem-type:unsticky:${code}"}`;

test.each<[string, Kind, number | null, string, 'ok' | 'fail' | 'unknown', 'ok' | 'fail' | 'unknown']>([
  ['success', 'add', 201, '', 'ok', 'ok'],
  ['not logged in, if the question was who it is', 'profile', 401, '', 'ok', 'ok'],
  ['the session has ended, to who writes', 'add', 401, problem('session-ended'), 'fail', 'fail'],
  ['a conflict', 'prefer', 409, '', 'fail', 'fail'],
  ['the store is away', 'add', 503, problem('store-unavailable'), 'fail', 'unknown'],
  ['the outcome is unknown', 'add', 503, problem('outcome-unknown'), 'unknown', 'unknown'],
  ['an error', 'add', 500, '', 'unknown', 'unknown'],
  ['no replica answered', 'add', 502, problem('replica-unreachable'), 'unknown', 'unknown'],
  ['none in time', 'add', 504, problem('replica-timeout'), 'unknown', 'unknown'],
])('%s: %s answered %s', (_, kind, status, text, durable, others) => {
  const ended = { status: status as number, headers: {}, text };
  expect([outcomeOf(kind, ended, true), outcomeOf(kind, ended, false)]).toEqual([durable, others]);
});

test('no response: fail if it was never sent, else unknown', () => {
  expect(outcomeOf('add', { error: 'ECONNREFUSED', sent: false }, true)).toBe('fail');
  expect(outcomeOf('add', { error: 'closed', sent: true }, true)).toBe('unknown');
});
