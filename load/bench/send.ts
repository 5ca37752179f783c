import { globSync, readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { Client } from 'undici';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import { percentile } from '../users/outcome.ts';

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
  /** Cookies of the users. */
  cookies: string[];
  /** The users take turns on these; by default each has one of its own. */
  connections?: number;
  /** Requests per second of all together; without it they are sent as fast as they are answered. */
  rate?: number | undefined;
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

/** Until everything is compiled; a shorter measurement does not ask for that. */
const warmUpSeconds = 2;

export async function warmUp(subject: Subject, options: SendOptions): Promise<void> {
  await send(subject, { ...options, seconds: Math.min(warmUpSeconds, options.seconds) });
}

/** @throws {FleetError} if a response is no success, or is lost */
export async function send({ url, pids }: Subject, options: SendOptions): Promise<Sent> {
  if (options.ending.aborted) throw new FleetError('ended before all rounds were measured');
  const { rate } = options;
  const before = readCpuSeconds(pids);
  const { failed, lost, ...sent } = await (rate === undefined
    ? sendAtOnce(url, options)
    : sendAtRate(url, options, rate));
  const after = readCpuSeconds(pids);
  const { answered } = sent;
  if (failed > 0 || lost > 0 || answered === 0)
    throw new FleetError(`the round is void: ${answered} successes, ${failed} failures, ${lost} lost`);
  return { ...sent, cpuSeconds: before === null || after === null ? null : after - before };
}

type Counted = Omit<Sent, 'cpuSeconds'> & { failed: number; lost: number };

/**
 * Sends requests as fast as they are answered. (autocannon's correction of latencies, which is wrong, is off: without a
 * rate it takes no `ignoreCoordinatedOmission`.)
 */
async function sendAtOnce(url: string, options: SendOptions): Promise<Counted> {
  const { work, cookies, seconds, connections = cookies.length } = options;
  let next = 0;
  const requestsOf = (connection: number) =>
    cookies
      .filter((_, index) => index % connections === connection % cookies.length)
      .flatMap((cookie) => work.requests.map((request) => ({ ...request, headers: headersWith(cookie) })));
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    sampleInt: 100, // in ms: it ends only when it takes a sample, by default once a second
    // setHeaders() of autocannon sets those of the first request only.
    setupClient: (client) => client.setRequests(requestsOf(next++)),
  } as autocannon.Options);
  const { '2xx': answered, non2xx, errors } = result;
  const failed = non2xx + errors;
  const lost = result.requests.sent - answered - failed - connections; // requests under way at the end do not count
  const { p50, p99 } = result.latency;
  return { answered, failed, lost: Math.max(0, lost), seconds: result.duration, latencyMs: { p50, p99 } };
}

/** Each connection sends when it is its turn, or as soon as it is answered. (autocannon loses requests at a rate.) */
async function sendAtRate(url: string, options: SendOptions, rate: number): Promise<Counted> {
  const { work, cookies, seconds, connections = cookies.length, ending } = options;
  const start = performance.now();
  const took: number[] = [];
  let failed = 0;
  const sendTurns = async (connection: number) => {
    const client = new Client(url);
    const headers = headersWith(cookies[connection % cookies.length] as string);
    for (let turn = connection; turn < rate * seconds && !ending.aborted; turn += connections) {
      await pause(Math.max(0, start + (1000 * turn) / rate - performance.now()), ending);
      const began = performance.now();
      const request = work.requests[turn % work.requests.length] as Work['requests'][number];
      const { statusCode, body } = await client.request({ ...request, headers });
      await body.dump();
      if (statusCode < 300) took.push(performance.now() - began);
      else failed += 1;
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => sendTurns(connection)));
  const sorted = took.toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(percentile(sorted, part) ?? 0);
  return {
    answered: took.length,
    failed,
    lost: 0,
    seconds: (performance.now() - start) / 1000,
    latencyMs: { p50: at(0.5), p99: at(0.99) },
  };
}

function headersWith(cookie: string): Record<string, string> {
  return { 'content-type': 'application/json', cookie };
}

/** The CPU time that processes have used so far, in seconds; null if the system does not report it (macOS). */
export function readCpuSeconds(pids: number[]): number | null {
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
