import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Fleet, FleetError } from '../fleet/fleet.ts';
import { requireFree } from '../fleet/ports.ts';
import { createDesk } from './desk.ts';
import { headers, refuseStranger, refuseWithoutToken } from './guard.ts';
import { createJournal } from './journal.ts';
import { readPageFiles } from './page-files.ts';
import { answerPress } from './press.ts';
import { createStream } from './stream.ts';
import { createTimeline } from './timeline.ts';
import type { Tone } from './view.ts';
import { nobody, type Visitors } from './visitors.ts';
import { createWatch } from './watch.ts';

export interface RoomOptions {
  /** One that may end and come again: each call finds it, or fails. */
  fleet: Fleet;
  visitors?: Visitors;
  /** On 127.0.0.1; 0 picks a free one. */
  port: number;
  /** The command's option for it, to tell whoever finds it taken. */
  portOption?: string;
  /** What whoever looks or acts must know; a random one if not given. */
  token?: string;
}

export interface Room {
  /**
   * Opens it in a browser. The token stands behind `#`, which browsers keep to themselves: no request line, log or Referer
   * has it. Not a cookie: those of 127.0.0.1 go to every port, the site's too.
   */
  readonly link: string;
  /** Writes into the log of what happened. */
  say(tone: Tone, text: string): void;
  /** Safe to call twice. The visitors are not its matter. */
  close(): Promise<void>;
}

/**
 * Serves the control room: one page over a fleet that shows what goes on and breaks it on demand. Whatever goes wrong in it,
 * the fleet goes on.
 * @throws {FleetError} where the port is taken
 */
export async function createRoom(options: RoomOptions): Promise<Room> {
  const { fleet, visitors = nobody, port, portOption = '--port', token = newToken() } = options;
  const journal = createJournal();
  const timeline = createTimeline();
  const files = readPageFiles();
  const stream = createStream(
    () => watch.begin(),
    () => watch.end(),
  );
  const desk = createDesk({ fleet, visitors, journal, changed: () => watch.hurry() });
  const tell = stream.tell.bind(stream);
  const watch = createWatch({ fleet, visitors, journal, timeline, desk: () => desk, tell });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname } = new URL(req.url ?? '/', 'http://room');
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    const stranger = refuseStranger(req, (server.address() as AddressInfo).port);
    if (stranger) return sendJson(res, stranger.status, { error: stranger.words });
    const file = files.get(pathname);
    if (file && (req.method === 'GET' || req.method === 'HEAD')) {
      return void res.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.body.length }).end(file.body);
    }
    const unknown = refuseWithoutToken(req, token);
    if (unknown) return sendJson(res, unknown.status, { error: unknown.words });
    const [, action] = /^\/actions\/([\w-]+)$/.exec(pathname) ?? [];
    if (action !== undefined) {
      const { status, body } = await answerPress(req, action, desk, watch);
      return sendJson(res, status, body);
    }
    if (pathname === '/events' && req.method === 'GET') {
      if (!stream.join(res, watch.whole())) sendJson(res, 503, { error: 'Too many are looking already.' });
      return;
    }
    sendJson(res, 404, { error: 'There is nothing here.' });
  }

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 }, (req, res) => {
    answer(req, res).catch(() => res.destroy()); // the client has gone while it was sending
  });
  server.maxConnections = 64;
  if (port) await requireFree(port, 'control room', portOption);
  await listen(server, port);
  return {
    link: `http://127.0.0.1:${(server.address() as AddressInfo).port}/#${token}`,
    say: (tone, text) => void journal.write(tone, text),
    async close() {
      watch.end();
      stream.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function newToken(): string {
  return randomBytes(24).toString('base64url');
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  const close = status === 413 ? { Connection: 'close' } : {}; // the rest of the body is not read
  const allow = status === 405 ? { Allow: 'POST' } : {};
  res.writeHead(status, { 'Content-Type': 'application/json', ...close, ...allow }).end(`${JSON.stringify(body)}\n`);
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new FleetError(`the control room: ${cause.message}`, [], { cause })));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
}
