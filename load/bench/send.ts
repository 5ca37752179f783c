import { globSync, readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { FleetError } from '../../deploy/fleet/fleet.ts';

/** Requests that are sent one after the other on each connection. */
export interface Work {
  name: string;
  requests: { method: 'GET' | 'PATCH'; path: string; body?: string }[];
}

/** The cheapest request with a session, and one that writes. */
export const works: Work[] = [
  { name: 'reads', requests: [{ method: 'GET', path: '/profile' }] },
  {
    name: 'writes',
    requests: ['dark', 'light'].map((theme) => {
      return { method: 'PATCH', path: '/preferences', body: JSON.stringify({ theme }) };
    }),
  },
];

/** What requests are sent to, and the processes behind that address. */
export interface Subject {
  url: string;
  pids: number[];
}

export interface SendOptions {
  work: Work;
  /** Cookies of the users; each has a connection of its own. */
  cookies: string[];
  seconds: number;
  ending: AbortSignal;
}

export interface Sent {
  answered: number;
  seconds: number;
  latencyMs: { p50: number; p99: number };
  /** CPU time of all processes; null if the system does not report it. */
  cpuSeconds: number | null;
}

/**
 * Sends requests as fast as they are answered. (autocannon's correction of latencies, which is wrong, is off: without a
 * rate it takes no `ignoreCoordinatedOmission`.)
 * @throws {FleetError} if a response is no success, or is lost
 */
export async function send({ url, pids }: Subject, { work, cookies, seconds, ending }: SendOptions): Promise<Sent> {
  if (ending.aborted) throw new FleetError('ended before all rounds were measured');
  let next = 0;
  const requestsOf = (cookie: string) =>
    work.requests.map((request) => ({ ...request, headers: { 'content-type': 'application/json', cookie } }));
  const before = readCpuSeconds(pids);
  const result = await autocannon({
    url,
    connections: cookies.length,
    duration: seconds,
    // setHeaders() of autocannon sets those of the first request only.
    setupClient: (client) => client.setRequests(requestsOf(cookies[next++ % cookies.length] ?? '')),
  } as autocannon.Options);
  const after = readCpuSeconds(pids);
  const { '2xx': answered, non2xx, errors } = result;
  const failed = non2xx + errors;
  const lost = result.requests.sent - answered - failed - cookies.length; // requests under way at the end do not count
  if (failed > 0 || lost > 0 || answered === 0) {
    throw new FleetError(`the round is void: ${answered} successes, ${failed} failures, ${Math.max(0, lost)} lost`);
  }
  const { p50, p99 } = result.latency;
  const cpuSeconds = before === null || after === null ? null : after - before;
  return { answered, seconds: result.duration, latencyMs: { p50, p99 }, cpuSeconds };
}

/** The CPU time that processes have used so far, in seconds; null if the system does not report it (macOS). */
function readCpuSeconds(pids: number[]): number | null {
  const threads = pids.flatMap((pid) => globSync(`/proc/${pid}/task/*/schedstat`));
  if (threads.length === 0) return null;
  const nanoseconds = threads.map((file) => {
    try {
      return Number.parseInt(readFileSync(file, 'utf8'), 10);
    } catch {
      return 0; // the thread has ended meanwhile
    }
  });
  return nanoseconds.reduce((sum, own) => sum + own, 0) / 1e9;
}
