import autocannon from 'autocannon';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { readCpuSeconds } from './cpu.ts';
import type { Sample } from './figures.ts';

/** What is sent, one after the other on each connection. */
export interface Work {
  name: string;
  requests: { method: 'GET' | 'PATCH'; path: string; body?: string }[];
}

/** Something that answers, in a process of its own. */
export interface Subject {
  url: string;
  pid: number;
}

export interface Turns {
  work: Work;
  /** Of the users; each has a connection of its own. */
  cookies: string[];
  seconds: number;
  ending: AbortSignal;
}

type Pair<T> = readonly [T, T];

/**
 * Measures two subjects. In turns, first, second, second, first, each alone: that gives the throughput. Then both at once:
 * that gives the processor time of a request, for which they meet the same machine at the same moment, whatever else it
 * does.
 * @throws {FleetError} where an answer was no success, or got lost
 */
export async function measureTurns([first, second]: Pair<Subject>, turns: Turns): Promise<Pair<Sample>> {
  await Promise.all([first, second].map((subject) => send(subject, { ...turns, seconds: 2 }))); // until both are compiled
  const alone = [];
  for (const subject of [first, second, second, first]) alone.push(await send(subject, turns));
  const [a, b, c, d] = alone as [Sent, Sent, Sent, Sent];
  const [both, other] = await Promise.all(
    [first, second].map((subject) => send(subject, { ...turns, seconds: 2 * turns.seconds })),
  );
  const sample = (one: Sent, two: Sent, { answered, cpuSeconds }: Sent): Sample => ({
    perSecond: (one.answered + two.answered) / (one.seconds + two.seconds),
    cpuMicros: cpuSeconds === null ? null : (1e6 * cpuSeconds) / answered,
  });
  return [sample(a, d, both as Sent), sample(b, c, other as Sent)];
}

interface Sent {
  answered: number;
  seconds: number;
  cpuSeconds: number | null;
}

/**
 * Sends as much as is answered. (autocannon's correction of latencies, which is wrong, is off: without a rate it takes no
 * `ignoreCoordinatedOmission`.)
 */
async function send({ url, pid }: Subject, { work, cookies, seconds, ending }: Turns): Promise<Sent> {
  if (ending.aborted) throw new FleetError('ended before all rounds were measured');
  let next = 0;
  const requestsOf = (cookie: string) =>
    work.requests.map((request) => ({ ...request, headers: { 'content-type': 'application/json', cookie } }));
  const before = readCpuSeconds(pid);
  const result = await autocannon({
    url,
    connections: cookies.length,
    duration: seconds,
    // Its setHeaders() is for the first of several requests alone.
    setupClient: (client) => client.setRequests(requestsOf(cookies[next++ % cookies.length] ?? '')),
  } as autocannon.Options);
  const after = readCpuSeconds(pid);
  const { '2xx': answered, non2xx, errors } = result;
  const failed = non2xx + errors;
  const lost = result.requests.sent - answered - failed - cookies.length; // what was under way at the end is not waited for
  if (failed > 0 || lost > 0 || answered === 0) {
    throw new FleetError(`the round is void: ${answered} successes, ${failed} failures, ${Math.max(0, lost)} lost`);
  }
  return { answered, seconds: result.duration, cpuSeconds: before === null || after === null ? null : after - before };
}
