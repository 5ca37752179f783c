import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis } from '../../../../test/replica.ts';
import { type LocalNetwork, startProxies } from './proxies.ts';
import { waitFor } from '../../wait.ts';

/** An echo server that keeps what it receives. */
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

/** A client that keeps what it receives, and how its connection ended. */
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
  // A reset may arrive before the event of the connection.
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
  return client;
}

const soon = (what: string, probe: () => unknown) =>
  waitFor(what, async () => probe(), { timeoutMs: 5000, everyMs: 2 });

describe('a link', () => {
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let network: LocalNetwork;
  let port: number;
  beforeEach(async () => {
    echo = await startEcho();
    network = startProxies(echo.port);
    port = await network.open(1);
  });
  afterEach(async () => {
    await network.end();
    for (const socket of echo.sockets) socket.destroy();
    echo.server.close();
  });

  test('forwards both directions, and their ends', async () => {
    const client = await startClient(port);
    const text = 'x'.repeat(5_000_000);
    client.socket.write(text);
    await soon('all is back', () => client.got.length === text.length);
    client.socket.end();
    await soon('it has ended', () => client.ended === 'end');
  });

  test('cut: nothing passes and neither end notices; healed: everything arrives in order', async () => {
    const before = await startClient(port);
    before.socket.write('a');
    await soon('it is joined', () => before.got === 'a');
    await network.cut(1);
    const during = await startClient(port);
    before.socket.write('b');
    during.socket.write('c');
    echo.sockets[0]?.destroy(); // not even the end of a connection is forwarded
    // Only time shows that nothing passes: wait ten times as long as an intact link takes.
    await sleep(200);
    expect([before.got, before.ended, during.got, during.ended, echo.got()]).toEqual(['a', '', '', '', 'a']);
    expect(echo.sockets).toHaveLength(1);
    await network.heal(1);
    await soon('the new one is served', () => during.got === 'c');
    await soon('the old one has ended', () => before.ended !== '');
  });

  test('cut with data in transit: it is held, not lost', async () => {
    const client = await startClient(port);
    client.socket.write('x'.repeat(20_000_000));
    await soon('some is back', () => client.got.length > 0);
    await network.cut(1);
    client.socket.write('end');
    await network.heal(1);
    await soon('all is back', () => client.got.length === 20_000_003);
    expect(client.got.endsWith('xend')).toBe(true);
  });

  test('delay: each direction takes that long, and a change of delay keeps the order', async () => {
    const client = await startClient(port);
    await network.delay(1, 100);
    const start = performance.now();
    client.socket.write('a');
    await soon('it is back', () => client.got === 'a');
    expect(performance.now() - start).toBeGreaterThanOrEqual(195);
    client.socket.write('b');
    await network.delay(1, 1);
    client.socket.write('c');
    await network.heal(1);
    client.socket.write('d');
    await soon('all are back', () => client.got.length === 4);
    expect(client.got).toBe('abcd');
  });

  test('reset: both ends see a reset, and new connections are served', async () => {
    const client = await startClient(port);
    client.socket.write('a');
    await soon('it is joined', () => client.got === 'a');
    const upstream = once(echo.sockets[0] as Socket, 'error');
    await network.reset(1);
    await soon('the client sees the reset', () => client.ended === 'ECONNRESET');
    expect((await upstream)[0].code).toBe('ECONNRESET');
    const next = await startClient(port);
    next.socket.write('b');
    await soon('it is served', () => next.got === 'b');
  });

  test('a link belongs to one replica; a closed one refuses connections and commands', async () => {
    const other = await startClient(await network.open(2));
    const client = await startClient(port);
    await network.cut(1);
    other.socket.write('a');
    await soon('the other is served', () => other.got === 'a');
    await network.close(1);
    await soon('it has ended', () => client.ended !== '');
    expect((await startClient(port)).ended).toBe('ECONNREFUSED');
    await expect(network.cut(1)).rejects.toThrow('replica 1 has no proxy to Redis');
  });
});

test('a Redis that is down looks down through the link, and is reachable when it is back', async () => {
  const redis = await startTestRedis();
  const network = startProxies(redis.port);
  const port = await network.open(1);
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: () => 10 } });
  client.on('error', () => {});
  await client.connect();
  expect(await client.ping()).toBe('PONG');
  await redis.stop();
  await soon('the client knows', () => !client.isReady);
  const refused = await startClient(port);
  await soon('a new connection is refused at once', () => refused.ended === 'ECONNRESET');
  await redis.start();
  await soon('it answers', () => client.isReady);
  expect(await client.ping()).toBe('PONG');
  client.destroy();
  await network.end();
  await redis.stop();
});
