import { globSync, readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import type { Sample } from './spread.ts';

/** Requests that are sent one after the other on each connection. */
export interface Work {
  name: string;
  requests: { method: 'GET' | 'PATCH'; path: string; body?: string }[];
}

/** A server in a process of its own. */
export interface Subject {
  url: string;
  pid: number;
}

export interface PairOptions {
  work: Work;
  /** Cookies of the users; each has a connection of its own. */
  cookies: string[];
  seconds: number;
  ending: AbortSignal;
}

type Pair<T> = readonly [T, T];

const warmUpSeconds = 2; // until both are compiled

/** Seconds that one pair takes: the warm-up, four runs alone, and one together of twice the length. */
export const estimatePairSeconds = (seconds: number): number => warmUpSeconds + 6 * seconds;

/**
 * Measures two subjects: in the order first, second, second, first, each alone, for the throughput; then both at once, for
 * the CPU time per request, so that both meet the same machine at the same moment.
 * @throws {FleetError} if a response is no success, or is lost
 */
export async function measurePair([first, second]: Pair<Subject>, options: PairOptions): Promise<Pair<Sample>> {
  const both = [first, second];
  await Promise.all(both.map((subject) => send(subject, { ...options, seconds: warmUpSeconds })));
  const alone: Sent[] = [];
  for (const subject of [first, second, second, first]) alone.push(await send(subject, options));
  const [a, b, c, d] = alone as [Sent, Sent, Sent, Sent];
  const longer = { ...options, seconds: 2 * options.seconds };
  const [one, other] = (await Promise.all(both.map((subject) => send(subject, longer)))) as [Sent, Sent];
  return [toSample(a, d, one), toSample(b, c, other)];
}

function toSample(one: Sent, two: Sent, { answered, cpuSeconds }: Sent): Sample {
  const perSecond = (one.answered + two.answered) / (one.seconds + two.seconds);
  return { perSecond, cpuMicros: cpuSeconds === null ? null : (1e6 * cpuSeconds) / answered };
}

interface Sent {
  answered: number;
  seconds: number;
  cpuSeconds: number | null;
}

/**
 * Sends requests as fast as they are answered. (autocannon's correction of latencies, which is wrong, is off: without a
 * rate it takes no `ignoreCoordinatedOmission`.)
 */
async function send({ url, pid }: Subject, { work, cookies, seconds, ending }: PairOptions): Promise<Sent> {
  if (ending.aborted) throw new FleetError('ended before all rounds were measured');
  let next = 0;
  const requestsOf = (cookie: string) =>
    work.requests.map((request) => ({ ...request, headers: { 'content-type': 'application/json', cookie } }));
  const before = readCpuSeconds(pid);
  const result = await autocannon({
    url,
    connections: cookies.length,
    duration: seconds,
    // setHeaders() of autocannon sets those of the first request only.
    setupClient: (client) => client.setRequests(requestsOf(cookies[next++ % cookies.length] ?? '')),
  } as autocannon.Options);
  const after = readCpuSeconds(pid);
  const { '2xx': answered, non2xx, errors } = result;
  const failed = non2xx + errors;
  const lost = result.requests.sent - answered - failed - cookies.length; // requests under way at the end do not count
  if (failed > 0 || lost > 0 || answered === 0) {
    throw new FleetError(`the round is void: ${answered} successes, ${failed} failures, ${Math.max(0, lost)} lost`);
  }
  return { answered, seconds: result.duration, cpuSeconds: before === null || after === null ? null : after - before };
}

/** The CPU time that a process has used so far, in seconds; null if the system does not report it (macOS). */
function readCpuSeconds(pid: number): number | null {
  const threads = globSync(`/proc/${pid}/task/*/schedstat`);
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
