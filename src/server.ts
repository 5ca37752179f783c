import { once } from 'node:events';
import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdminServer } from './admin.ts';
import { createApp } from './app.ts';
import type { Context } from './context.ts';
import { whenUsable } from './redis-check.ts';

/** A replica that serves. */
export interface Replica {
  port: number;
  adminPort: number;
  /**
   * Resolves once Redis was found fit for sessions. Until then the replica answers, with 503 where a session is needed, and
   * /readyz says that it is starting.
   */
  ready: Promise<void>;
  /**
   * Stops in order: not ready and `Connection: close`, then no new connections, then the requests in flight (at most
   * drainGraceMs), then Redis. Resolves once; safe to call twice.
   * @returns whether every request was answered
   */
  drain(): Promise<boolean>;
}

/** A replica that accepted requests before Redis has answered would answer 503 to some without need. */
const firstContactMs = 2000;

/** Listens on both ports. Rejects, with nothing left open, if one is in use. */
export async function startReplica(context: Context): Promise<Replica> {
  const { config, lifecycle, logger, redis } = context;
  // More than nginx allows, so that nginx refuses larger ones.
  const server = createServer({ maxHeaderSize: 48 * 1024 }, createApp(context));
  server.on('clientError', answerMalformed);
  const closeConnections = trackConnections(server);
  // nginx must close idle connections first (its upstream keepalive_timeout is 30 s): a POST that meets a closing
  // connection is lost, and nginx does not repeat it.
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  const admin = createAdminServer(context);
  const usable = redis ? whenUsable(redis, config, logger) : Promise.resolve();
  try {
    await listen(admin, config.adminPort, config.host);
    const away = redis ? once(redis, 'error') : usable;
    await Promise.race([usable, away, sleep(firstContactMs, undefined, { ref: false })]);
    await listen(server, config.port, config.host);
  } catch (err) {
    admin.close();
    await context.close();
    throw err;
  }
  const ready = usable.then(() => lifecycle.advance('ready'));
  let draining: Promise<boolean> | undefined;
  return {
    port: portOf(server),
    adminPort: portOf(admin),
    ready,
    drain() {
      draining ??= drain(context, server, admin, closeConnections);
      return draining;
    },
  };
}

/** Answers requests that are not well-formed HTTP, which reach no route. */
function answerMalformed(err: Error & { code?: string }, socket: Duplex): void {
  const isTooLarge = err.code === 'HPE_HEADER_OVERFLOW';
  const status = isTooLarge ? 431 : 400;
  const body = {
    type: `urn:problem-type:unsticky:${isTooLarge ? 'headers-too-large' : 'invalid-request'}`,
    title: isTooLarge ? 'Headers too large' : 'Bad request',
    status,
    detail: isTooLarge ? 'Send at most 48 KiB.' : 'The request is not well-formed HTTP.',
  };
  const text = `${JSON.stringify(body)}\n`;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\nConnection: close`;
  if (socket.writable) socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  else socket.destroy();
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host });
  await once(server, 'listening');
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/**
 * Returns a function after which every response, also of requests in flight, closes its connection. After server.close()
 * alone Node keeps answering with keep-alive and holds the sockets, and nginx would keep sending into them.
 *
 * Connections are tracked, not responses: a Set of responses made each request a quarter more expensive.
 */
function trackConnections(server: Server): () => void {
  const open = new Set<Socket & { _httpMessage?: ServerResponse | null }>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const setClose = (res: ServerResponse) => res.headersSent || res.setHeader('Connection', 'close');
  return () => {
    server.prependListener('request', (_req, res) => setClose(res));
    // Where Node keeps the response that a connection waits for.
    for (const { _httpMessage } of open) if (_httpMessage) setClose(_httpMessage);
  };
}

async function drain(context: Context, server: Server, admin: Server, closeConnections: () => void): Promise<boolean> {
  const { drainDelayMs, drainGraceMs } = context.config;
  context.lifecycle.advance('draining');
  closeConnections();
  // Responses during this time close the connections that nginx keeps open.
  await sleep(drainDelayMs);
  const closed = once(server, 'close').then(() => true);
  server.close();
  const finished = await Promise.race([closed, sleep(drainGraceMs, false, { ref: false })]);
  server.closeAllConnections();
  context.lifecycle.advance('stopped');
  admin.close();
  admin.closeAllConnections();
  await context.close();
  return finished;
}
