import { Worker } from 'node:worker_threads';
import { Agent, fetch } from 'undici';
import { type Description, FleetError } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import type { Progress } from '../run/progress.ts';
import { percentile } from '../users/outcome.ts';
import { cookieIn } from '../users/site.ts';
import type { Attacker, AttackKind, AttackTally } from './kinds.ts';

export interface AttackOptions {
  site: Pick<Description, 'http' | 'https'>;
  kind: AttackKind;
  /** How many connections it holds; of a flood, how many requests it sends a second. */
  count: number;
  seconds: number;
  progress: Progress;
  ending: AbortSignal;
}

export interface AttackResult {
  attacker: AttackTally;
  /** What users from another address do, over TLS, each time on a new connection. Times in milliseconds. */
  visitors: { answered: number; failed: number; p50: number | null; p99: number | null };
}

/** The attacker has an address of its own: limits are those of an address. */
const attackerAddress = '127.0.0.2';
const visitEveryMs = 40;
/** One of so many visits is a login. */
const visitsPerLogin = 25;
const visitTimeoutMs = 5000;
/** Until its connections are open. */
const buildUpMs = 3000;

/** Attacks a fleet on this machine, and visits it meanwhile. @throws {FleetError} if the attack could not be started */
export async function runAttack(options: AttackOptions): Promise<AttackResult> {
  const { site, kind, count, seconds, progress, ending } = options;
  const user = await createUser(site.https);
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
    const visitors = await visit(user, seconds * 1000, progress, ending);
    worker.postMessage('end');
    return { attacker: await ended, visitors };
  } finally {
    await worker.terminate();
  }
}

async function visit(
  user: User,
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
  for (let number = 0; passed() < ms && !ending.aborted; number++) {
    visits.push(
      user.visit(number).then(
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

interface User {
  /** Reads the profile, adds to the cart, or logs another user in. @returns the milliseconds it took @throws unless it succeeds */
  visit(number: number): Promise<number>;
}

/** A user who is logged in. @throws {FleetError} if that is refused */
async function createUser(https: string): Promise<User> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false }, pipelining: 0 });
  const send = async (method: string, path: string, body?: object, cookie = '') => {
    const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
    const options = { method, headers, dispatcher, signal: AbortSignal.timeout(visitTimeoutMs) };
    const response = await fetch(https + path, { ...options, body: body ? JSON.stringify(body) : null });
    await response.text();
    if (!response.ok) throw new FleetError(`${method} ${path} was answered ${response.status}`);
    return response;
  };
  const first = await send('POST', '/login', { name: 'Visitor' });
  const cookie = cookieIn(first.headers.getSetCookie()) ?? '';
  const visits = [
    () => send('GET', '/profile', undefined, cookie),
    () => send('POST', '/cart/items', { sku: 'tea', quantity: 1 }, cookie),
  ];
  return {
    async visit(number) {
      const start = performance.now();
      const logIn = () => send('POST', '/login', { name: `Visitor ${number}` });
      await (number % visitsPerLogin === 0 ? logIn : (visits[number % 2] as () => Promise<unknown>))();
      return performance.now() - start;
    },
  };
}
