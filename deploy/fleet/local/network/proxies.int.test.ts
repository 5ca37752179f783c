import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis } from '../../src/testing.ts';
import { type LocalLinks, startLinks } from './links.ts';
import { waitFor } from './wait.ts';

/** Sends back what it gets, and keeps it. */
async function startEcho(): Promise<{ server: Server; port: number; got(): string; sockets: Socket[] }> {
  let got = '';
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      got += data;
      socket.write(data);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  return { server, port, got: () => got, sockets };
}

/** A client that keeps what comes back, and how its connection ended. */
async function startClient(port: number) {
  const socket = connect(port, '127.0.0.1');
  const client = { socket, got: '', ended: '' };
  socket.on('data', (data) => {
    client.got += data;
  });
  socket.on('error', (err: Error & { code: string }) => {
    client.ended = err.code;
  });
  socket.on('close', () => {
    client.ended ||= 'end';
  });
  // A reset may come before the news of the connection.
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
  return client;
}

const soon = (what: string, probe: () => unknown) =>
  waitFor(what, async () => probe(), { timeoutMs: 5000, everyMs: 2 });

describe('a link', () => {
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let links: LocalLinks;
  let port: number;
  beforeEach(async () => {
    echo = await startEcho();
    links = startLinks(echo.port);
    port = await links.open(1);
  });
  afterEach(async () => {
    await links.end();
    for (const socket of echo.sockets) socket.destroy();
    echo.server.close();
  });

  test('passes everything on in both directions, and the end of it', async () => {
    const client = await startClient(port);
    const text = 'x'.repeat(5_000_000);
    client.socket.write(text);
    await soon('all is back', () => client.got.length === text.length);
    client.socket.end();
    await soon('it has ended', () => client.ended === 'end');
  });

  test('cut: nothing passes and nobody is told; healed: what was sent arrives, in order', async () => {
    const before = await startClient(port);
    before.socket.write('a');
    await soon('it is joined', () => before.got === 'a');
    await links.cut(1);
    const during = await startClient(port);
    before.socket.write('b');
    during.socket.write('c');
    echo.sockets[0]?.destroy(); // not even the end of a connection is heard of
    // Whether something passes shows in time alone: ten times as long as the way takes when it is whole.
    await sleep(200);
    expect([before.got, before.ended, during.got, during.ended, echo.got()]).toEqual(['a', '', '', '', 'a']);
    expect(echo.sockets).toHaveLength(1);
    await links.heal(1);
    await soon('the new one is served', () => during.got === 'c');
    await soon('the old one has ended', () => before.ended !== '');
  });

  test('cut while much is on its way: it is held, not lost', async () => {
    const client = await startClient(port);
    client.socket.write('x'.repeat(20_000_000));
    await soon('some is back', () => client.got.length > 0);
    await links.cut(1);
    client.socket.write('end');
    await links.heal(1);
    await soon('all is back', () => client.got.length === 20_000_003);
    expect(client.got.endsWith('xend')).toBe(true);
  });

  test('delay: each direction takes so long, and the order stays where it changes', async () => {
    const client = await startClient(port);
    await links.delay(1, 100);
    const start = performance.now();
    client.socket.write('a');
    await soon('it is back', () => client.got === 'a');
    expect(performance.now() - start).toBeGreaterThanOrEqual(195);
    client.socket.write('b');
    await links.delay(1, 1);
    client.socket.write('c');
    await links.heal(1);
    client.socket.write('d');
    await soon('all are back', () => client.got.length === 4);
    expect(client.got).toBe('abcd');
  });

  test('reset: both ends see a reset, and new connections are served', async () => {
    const client = await startClient(port);
    client.socket.write('a');
    await soon('it is joined', () => client.got === 'a');
    const upstream = once(echo.sockets[0] as Socket, 'error');
    await links.reset(1);
    await soon('the client is told', () => client.ended === 'ECONNRESET');
    expect((await upstream)[0].code).toBe('ECONNRESET');
    const next = await startClient(port);
    next.socket.write('b');
    await soon('it is served', () => next.got === 'b');
  });

  test('a link is one replica’s; a closed one refuses, and cannot be asked', async () => {
    const other = await startClient(await links.open(2));
    const client = await startClient(port);
    await links.cut(1);
    other.socket.write('a');
    await soon('the other is served', () => other.got === 'a');
    await links.close(1);
    await soon('it has ended', () => client.ended !== '');
    expect((await startClient(port)).ended).toBe('ECONNREFUSED');
    await expect(links.cut(1)).rejects.toThrow('there is no link of replica 1');
  });
});

test('a Redis that is down looks down, and is there again when it is back', async () => {
  const redis = await startTestRedis();
  const links = startLinks(redis.port);
  const port = await links.open(1);
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: () => 10 } });
  client.on('error', () => {});
  await client.connect();
  expect(await client.ping()).toBe('PONG');
  await redis.stop();
  await soon('the client knows', () => !client.isReady);
  const refused = await startClient(port);
  await soon('who comes is told at once', () => refused.ended === 'ECONNRESET');
  await redis.start();
  await soon('it answers', () => client.isReady);
  expect(await client.ping()).toBe('PONG');
  client.destroy();
  await links.end();
  await redis.stop();
});
