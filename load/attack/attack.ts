import { Worker } from 'node:worker_threads';
import { type Description, FleetError } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import type { Progress } from '../run/progress.ts';
import { percentile } from '../users/outcome.ts';
import type { Attacker, AttackKind, AttackTally } from './kinds.ts';

export interface AttackOptions {
  site: Pick<Description, 'http' | 'https'>;
  kind: AttackKind;
  /** How many connections it holds; of `logins`, how many it sends a second. */
  count: number;
  seconds: number;
  progress: Progress;
  ending: AbortSignal;
}

export interface AttackResult {
  attacker: AttackTally;
  /** Visitors from another address, each on a connection of its own. Times in milliseconds. */
  visitors: { answered: number; failed: number; p50: number | null; p99: number | null };
}

/** The attacker has an address of its own: limits are those of an address. */
const attackerAddress = '127.0.0.2';
const visitEveryMs = 40;
const visitTimeoutMs = 5000;
/** Until its connections are open. */
const buildUpMs = 3000;

/** Attacks a fleet on this machine, and visits it meanwhile. @throws {FleetError} if the attack could not be started */
export async function runAttack(options: AttackOptions): Promise<AttackResult> {
  const { site, kind, count, seconds, progress, ending } = options;
  const workerData: Attacker = { ...site, kind, count, from: attackerAddress };
  const worker = new Worker(new URL('./attacker.ts', import.meta.url), { workerData });
  const ended = new Promise<AttackTally>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (cause: Error) =>
      reject(new FleetError(`the attack failed: ${cause.message}`, [], { cause })),
    );
  });
  ended.catch(() => {}); // awaited below
  try {
    await pause(buildUpMs, ending);
    const visitors = await visit(site.http, seconds * 1000, progress, ending);
    worker.postMessage('end');
    return { attacker: await ended, visitors };
  } finally {
    await worker.terminate();
  }
}

async function visit(
  http: string,
  ms: number,
  progress: Progress,
  ending: AbortSignal,
): Promise<AttackResult['visitors']> {
  const took: number[] = [];
  let failed = 0;
  const start = performance.now();
  const passed = () => performance.now() - start;
  const state = () =>
    `${Math.round(passed() / 1000)} of ${ms / 1000} s  ·  ${took.length} visits answered, ${failed} failed`;
  const stop = progress.follow(state);
  const visits: Promise<void>[] = [];
  while (passed() < ms && !ending.aborted) {
    visits.push(
      visitOnce(http).then(
        (time) => void took.push(time),
        () => {
          failed += 1;
        },
      ),
    );
    await pause(visitEveryMs, ending);
  }
  await Promise.all(visits);
  stop();
  took.sort((a, b) => a - b);
  return { answered: took.length, failed, p50: percentile(took, 0.5), p99: percentile(took, 0.99) };
}

/** @returns how long it took, in milliseconds @throws if it is not answered with 200 in time */
async function visitOnce(http: string): Promise<number> {
  const start = performance.now();
  const signal = AbortSignal.timeout(visitTimeoutMs);
  const response = await fetch(`${http}/whoami`, { signal, headers: { connection: 'close' } });
  await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  return performance.now() - start;
}
