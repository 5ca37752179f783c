import diagnostics from 'node:diagnostics_channel';
import { Client } from 'undici';

export interface Request {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** `sent` if any byte of the request left this process: then it may have taken effect. */
export interface NoAnswer {
  error: string;
  sent: boolean;
}

/** A few connections that many users share, one request at a time on each. */
export interface Connections {
  /** Waits for a free connection, calls `begins`, sends the request; it ends in exactly one way. Never rejects. */
  send(request: Request, begins: () => void): Promise<Answer | NoAnswer>;
  close(): Promise<void>;
}

interface Lane {
  client: Client;
  /** Responses on the present connection. */
  answers: number;
}

const timeoutMs = 10_000;
/** A request on a connection that is just being closed fails within this time; later, the server had accepted it. */
const immediateMs = 100;
/** Error codes of a connection closed by the server. */
const closed = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Opens connections to a site as they are needed.
 *
 * autocannon cannot be the witness: after a cut connection it reconnects without counting what it lost, and credits later
 * responses to the wrong requests. undici's Client, without pipelining, ends every request in exactly one way, repeats
 * none, and reports by its diagnostics channel what was sent (https://undici.nodejs.org/#/docs/api/DiagnosticsChannel).
 */
export function createConnections(url: string, count: number): Connections {
  const idle = Array.from({ length: count }, () => createLane(url));
  const lanes = [...idle];
  const waiting: ((lane: Lane) => void)[] = [];
  const take = () => {
    const lane = idle.shift();
    return lane ? Promise.resolve(lane) : new Promise<Lane>((resolve) => waiting.push(resolve));
  };
  const giveBack = (lane: Lane) => {
    const next = waiting.shift();
    if (next) next(lane);
    else idle.push(lane);
  };
  return {
    async send(request, begins) {
      const lane = await take();
      begins();
      try {
        return await sendOn(lane, request);
      } finally {
        giveBack(lane);
      }
    },
    close: () => Promise.all(lanes.map(({ client }) => client.destroy())).then(() => {}),
  };
}

function createLane(url: string): Lane {
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs } };
  const lane = { client: new Client(url, { pipelining: 1, ...limits }), answers: 0 };
  lane.client.on('disconnect', () => {
    lane.answers = 0;
  });
  return lane;
}

async function sendOn(lane: Lane, { method, path, headers, body }: Request): Promise<Answer | NoAnswer> {
  const trace = { sent: false };
  const wasUsed = lane.answers > 0;
  let hasHeaders = false;
  let isImmediate = true;
  // After a stall of this process, what arrived meanwhile is read before the time counts as over.
  const over = () => {
    isImmediate = false;
  };
  const timer = setTimeout(() => setImmediate(over), immediateMs);
  try {
    const answer = await traced(trace, () => lane.client.request({ method, path, headers, body: body ?? null }));
    hasHeaders = true;
    const text = await answer.body.text();
    lane.answers += 1;
    return { status: answer.statusCode, headers: answer.headers, text };
  } catch (err) {
    const { code, message } = err as { code?: string; message: string };
    const isClosed = trace.sent && wasUsed && isImmediate && !hasHeaders && closed.has(code ?? '');
    return { error: isClosed ? 'closed' : (code ?? message), sent: trace.sent };
  } finally {
    clearTimeout(timer);
  }
}

// undici creates its request object while `request()` is being called, and passes it with each later message.
const traces = new WeakMap<object, { sent: boolean }>();
let current: { sent: boolean } | undefined;
diagnostics.subscribe('undici:request:create', (message) => {
  if (current) traces.set((message as { request: object }).request, current);
});
diagnostics.subscribe('undici:client:sendHeaders', (message) => {
  const trace = traces.get((message as { request: object }).request);
  if (trace) trace.sent = true;
});

function traced<T>(trace: { sent: boolean }, send: () => T): T {
  current = trace;
  try {
    return send();
  } finally {
    current = undefined;
  }
}
