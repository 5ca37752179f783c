import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Fleet, FleetError } from '../fleet/fleet.ts';
import { requireFree } from '../fleet/ports.ts';
import { startAction } from './actions/action-endpoint.ts';
import { createDispatcher } from './actions/dispatcher.ts';
import { headers, refuseForeignOrigin, refuseWithoutToken } from './auth.ts';
import { createEventStream } from './event-stream.ts';
import { createEventLog } from './monitor/event-log.ts';
import { createMonitor } from './monitor/monitor.ts';
import { readPageFiles } from './page-files.ts';
import type { Refusal, Tone } from './protocol.ts';
import { noUsers, type RoomUsers } from './users.ts';

export interface ControlRoomOptions {
  /** It may end and come back: each call finds it, or fails. */
  fleet: Fleet;
  users?: RoomUsers;
  /** On 127.0.0.1; 0 picks a free one. */
  port: number;
  /** The command's option for the port, named in the error if it is in use. */
  portOption?: string;
  /** The key that every viewer and action needs; random by default. */
  token?: string;
}

export interface ControlRoom {
  /**
   * Opens the room in a browser. The token is in the fragment (`#…`), which browsers never send: it is in no request line,
   * log or Referer. It is no cookie: those of 127.0.0.1 are sent to every port, the site's too.
   */
  readonly link: string;
  /** Writes to the event log. */
  announce(tone: Tone, text: string): void;
  /** Safe to call twice. Leaves the users alone. */
  close(): Promise<void>;
}

/** An open page needs a handful. */
const maxConnections = 256;

/**
 * Serves the control room: a page that shows a fleet live and breaks it on demand. An error in the room never affects the
 * fleet.
 * @throws {FleetError} if the port is in use
 */
export async function startControlRoom(options: ControlRoomOptions): Promise<ControlRoom> {
  const { fleet, users = noUsers, port, portOption = '--port' } = options;
  const token = options.token ?? randomBytes(24).toString('base64url');
  const eventLog = createEventLog();
  const files = readPageFiles();
  const stream = createEventStream();
  const dispatcher = createDispatcher({ fleet, users, eventLog });
  const monitor = createMonitor({ fleet, users, eventLog, dispatcher, stream });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname } = new URL(req.url ?? '/', 'http://room');
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    const foreign = refuseForeignOrigin(req, (server.address() as AddressInfo).port);
    if (foreign) return refuse(res, foreign);
    const file = files.get(pathname);
    if (file && (req.method === 'GET' || req.method === 'HEAD')) {
      return void res.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.body.length }).end(file.body);
    }
    const unknown = refuseWithoutToken(req, token);
    if (unknown) return refuse(res, unknown);
    const [, action] = /^\/actions\/([\w-]+)$/.exec(pathname) ?? [];
    if (action !== undefined) {
      const refusal = await startAction(req, action, dispatcher, monitor);
      return refusal ? refuse(res, refusal) : sendJson(res, 202, {});
    }
    if (pathname === '/events' && req.method === 'GET') {
      if (stream.join(res, monitor.snapshot())) return monitor.start();
      return refuse(res, { status: 503, reason: 'Too many viewers are connected.' });
    }
    refuse(res, { status: 404, reason: 'Not found.' });
  }

  // Connections that send nothing make room for others within 1.5 s.
  const limits = {
    headersTimeout: 1000,
    connectionsCheckingInterval: 500,
    requestTimeout: 10_000,
    maxHeaderSize: 8192,
  };
  const server = createServer(limits, (req, res) => {
    answer(req, res).catch(() => res.destroy()); // the client disconnected while it was sending
  });
  server.maxConnections = maxConnections;
  if (port) await requireFree(port, 'control room', portOption);
  await listen(server, port);
  monitor.start();
  return {
    link: `http://127.0.0.1:${(server.address() as AddressInfo).port}/#${token}`,
    announce: (tone, text) => void eventLog.write(tone, text),
    async close() {
      monitor.stop();
      stream.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function refuse(res: ServerResponse, { status, reason }: Refusal): void {
  if (status === 405) res.setHeader('Allow', 'POST');
  if (status === 413) res.setHeader('Connection', 'close'); // the rest of the body is not read
  sendJson(res, status, { error: reason });
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new FleetError(`the control room: ${cause.message}`, [], { cause })));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
}
