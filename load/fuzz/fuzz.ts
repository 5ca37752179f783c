import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { type Fleet, FleetError, type ReplicaStatus } from '../../deploy/fleet/fleet.ts';
import { formatNumber } from '../../web/format.ts';
import type { Progress } from '../run/progress.ts';
import { createRandom } from '../users/random.ts';
import { createRequests, type FuzzRequest } from './requests.ts';
import { createVictim } from './victim.ts';

export interface FuzzOptions {
  /** A local fleet in development mode: limits of an address would refuse most requests. */
  fleet: Fleet;
  requests: number;
  seed: number;
  progress: Progress;
  ending: AbortSignal;
}

/** Something that must not happen, whatever is sent. */
export interface Finding {
  what: string;
  /** Where it was sent: nginx, or a replica's name. Absent if it is about no single request. */
  to?: string;
  kind?: string;
  /** The first bytes of the request, with escapes. */
  request?: string;
}

export interface FuzzResult {
  requests: number;
  seconds: number;
  /** Responses by status; `none`: the connection was closed, or nothing came of a request that is not complete. */
  statuses: Record<string, number>;
  /** The longest wait for the response to a complete request, in milliseconds. */
  slowestMs: number;
  /** How often a logged-in user checked its own data meanwhile. */
  looks: number;
  /** Resident memory of each replica in MiB: before, after the first half, at the end. Empty where there is no /proc. */
  memoryMiB: Record<string, number[]>;
  /** The first 20. */
  findings: Finding[];
  found: number;
}

const connections = 48;
/** A complete request is answered within this time. */
const answerMs = 2000;
/** How long the rest of a response, or a response to a request that is not complete, is waited for. */
const silenceMs = 15;
const maxFindings = 20;
/** After so many findings more would say nothing new. */
const enough = 1000;
/** What the second half may add to a replica's memory: garbage is collected late. */
const maxGrowth = { share: 0.25, MiB: 32 };

/** Sends malformed and hostile requests to nginx and to a replica, half to each, and looks for failures. */
export async function runFuzz({ fleet, requests, seed, progress, ending }: FuzzOptions): Promise<FuzzResult> {
  const { http } = await fleet.describe();
  const before = await fleet.replicas();
  const replica = before.find(({ state }) => state === 'ready');
  if (!replica?.http) throw new FleetError('no replica is ready: start a fleet with "unsticky up"');
  const targets = [
    { name: 'nginx', url: new URL(http) },
    { name: replica.name, url: new URL(replica.http) },
  ] as const;
  const victim = await createVictim(http);
  const next = createRequests(createRandom(seed), victim);

  const result: FuzzResult = {
    requests: 0,
    seconds: 0,
    statuses: {},
    slowestMs: 0,
    looks: 0,
    memoryMiB: {},
    findings: [],
    found: 0,
  };
  const find = (finding: Finding) => {
    result.found += 1;
    if (result.findings.length < maxFindings) result.findings.push(finding);
  };
  const start = performance.now();
  const measure = () =>
    measureMemory(
      before.map(({ name, runsAs }) => [name, runsAs]),
      result.memoryMiB,
    );
  await measure();

  async function sendUntil(count: number): Promise<void> {
    while (result.requests < count && !ending.aborted && result.found < enough) {
      const target = targets[result.requests % 2] as (typeof targets)[number];
      result.requests += 1;
      const request = next();
      const { bytes, ms } = await exchange(target.url, request);
      const wrong = wrongWith(request, bytes, ms, victim.marker);
      const status = /^HTTP\/1\.[01] (\d{3}) /.exec(bytes)?.[1] ?? 'none';
      result.statuses[status] = (result.statuses[status] ?? 0) + 1;
      if (request.isComplete) result.slowestMs = Math.max(result.slowestMs, ms);
      if (wrong) find({ what: wrong, to: target.name, kind: request.kind, request: escapeBytes(request.bytes) });
    }
  }
  const sendHalf = (count: number) => Promise.all(Array.from({ length: connections }, () => sendUntil(count)));

  const stop = progress.follow(
    () => `${formatNumber(result.requests)} of ${formatNumber(requests)} requests  ·  ${result.found} findings`,
  );
  const watching = victim.watch((what) => find({ what }));
  try {
    await sendHalf(requests / 2);
    await measure();
    await sendHalf(requests);
    await measure();
  } finally {
    stop();
    result.looks = await watching.end();
  }
  for (const what of [...missing(before, await fleet.replicas()), ...grown(result.memoryMiB)]) find({ what });
  result.seconds = (performance.now() - start) / 1000;
  return result;
}

/** What has become of the replicas, if they are not as they were. */
function missing(before: ReplicaStatus[], after: ReplicaStatus[]): string[] {
  return before.flatMap(({ name, runsAs }) => {
    const now = after.find((one) => one.name === name);
    return now?.state === 'ready' && now.runsAs === runsAs
      ? []
      : [`${name} is ${now?.state ?? 'gone'}, or was restarted`];
  });
}

function grown(memoryMiB: FuzzResult['memoryMiB']): string[] {
  return Object.entries(memoryMiB).flatMap(([name, [, middle = 0, end = 0]]) =>
    end > middle * (1 + maxGrowth.share) + maxGrowth.MiB
      ? [`${name} grew from ${middle} to ${end} MiB in the second half`]
      : [],
  );
}

/** Sends a request on a connection of its own. @returns what came back, a character a byte, and how long its first byte took */
function exchange(
  { hostname: host, port }: URL,
  { bytes, isComplete }: FuzzRequest,
): Promise<{ bytes: string; ms: number }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), noDelay: true });
    let received = '';
    let sentAt = performance.now();
    let ms: number | undefined;
    const end = () => {
      clearTimeout(timer);
      socket.resetAndDestroy(); // no port stays occupied
      resolve({ bytes: received, ms: ms ?? performance.now() - sentAt });
    };
    let timer = setTimeout(end, answerMs);
    socket.on('connect', () => {
      sentAt = performance.now();
      socket.write(bytes);
      timer = rearm(timer, end, isComplete ? answerMs : silenceMs);
    });
    socket.on('data', (data) => {
      ms ??= performance.now() - sentAt;
      received += data.toString('latin1');
      timer = rearm(timer, end, silenceMs);
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', end);
  });
}

function rearm(timer: NodeJS.Timeout, end: () => void, ms: number): NodeJS.Timeout {
  clearTimeout(timer);
  return setTimeout(end, ms);
}

/** The statuses of a server that fails. 501 and 505 say what it does not speak. */
const failures = /^HTTP\/1\.[01] (500|502|503|504) /;

function wrongWith({ isComplete }: FuzzRequest, bytes: string, ms: number, marker: string): string | undefined {
  const [, status] = failures.exec(bytes) ?? [];
  if (status) return `answered ${status}`;
  if (bytes.includes(marker)) return 'shows the data of another user';
  if (/\n\s+at \S+ \(|node_modules/.test(bytes)) return 'shows a stack trace';
  if (isComplete && bytes === '' && ms >= answerMs) return `no answer in ${answerMs / 1000} s`;
  return undefined;
}

async function measureMemory(
  replicas: (readonly [name: string, runsAs: string])[],
  memoryMiB: Record<string, number[]>,
): Promise<void> {
  for (const [name, runsAs] of replicas) {
    const [, pid] = /^pid (\d+)$/.exec(runsAs) ?? [];
    const status = pid && (await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined));
    const [, kiB] = /^VmRSS:\s+(\d+) kB/m.exec(status || '') ?? [];
    if (kiB) memoryMiB[name] = [...(memoryMiB[name] ?? []), Math.round(Number(kiB) / 1024)];
  }
}

function escapeBytes(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 300).toString('latin1')).slice(1, -1);
}
