import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { pause } from '../../deploy/fleet/wait.ts';
import type { StreamRecord } from './history.ts';
import type { Visit } from './witness.ts';

/** A visit during which a stream is kept open. */
interface Followed extends Visit {
  isLoggedIn: boolean;
}

/** Streams of events that some users keep open, as a page does in a browser. */
export interface Streams {
  /** In the order in which they ended. */
  readonly records: StreamRecord[];
  /** Keeps a stream open for as long as the visit is logged in: one that breaks is opened again. */
  follow(visit: Followed): void;
  /** Ends all, and records those that were open. */
  close(): Promise<void>;
}

/** As browsers do with `EventSource`, and not longer than a request may take. */
const againMs = 500;
const timeoutMs = 10_000;

/** @param most visits that are followed at once; the others are not. @param now milliseconds since the run began */
export function createStreams(url: string, most: number, now: () => number): Streams {
  const records: StreamRecord[] = [];
  const over = new AbortController();
  const following = new Set<Promise<void>>();

  async function keepOpen(visit: Followed): Promise<void> {
    while (visit.isLoggedIn && !over.signal.aborted) {
      const isOffered = await followOnce(visit);
      if (!isOffered) return;
      await pause(againMs, over.signal);
    }
  }

  /** One stream, from its first byte to its end. @returns whether the site has such streams */
  async function followOnce({ session, cookie }: Followed): Promise<boolean> {
    const request = get(`${url}/events`, { agent: false, headers: { cookie, accept: 'text/event-stream' } });
    const response = await headOf(request);
    if (response?.statusCode === 200) {
      const start = now();
      const isOver = await endOf(response, over.signal);
      const replica = String(response.headers['x-served-by'] ?? '') || null;
      records.push({ session, replica, start, end: now(), wasOpen: isOver });
    }
    request.destroy();
    return response?.statusCode !== 404;
  }

  return {
    records,
    follow(visit) {
      if (following.size >= most || over.signal.aborted) return;
      const kept = keepOpen(visit).finally(() => following.delete(kept));
      following.add(kept);
    },
    async close() {
      over.abort();
      await Promise.all(following);
    },
  };
}

/** Undefined if there is none: the connection was refused or cut, or it takes too long. */
function headOf(request: ClientRequest): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    request.setTimeout(timeoutMs, () => request.destroy());
    request.once('response', resolve).once('error', () => resolve(undefined));
    request.once('close', () => resolve(undefined));
  });
}

/** Waits for the end of a response. @returns true if it is still open when the signal aborts */
function endOf(response: IncomingMessage, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    response.once('close', () => resolve(false)).on('error', () => {});
    response.resume();
    if (signal.aborted) resolve(true);
    signal.addEventListener('abort', () => resolve(true), { once: true });
  });
}
