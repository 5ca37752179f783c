import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, ReplicaStatus } from '../../deploy/fleet/fleet.ts';
import type { MayCost } from '../history.ts';

/** Something that goes wrong, and how it is made whole again. */
export interface Fault {
  /** One line, for the list. */
  about: string;
  /** How long it lasts once it is applied, unless a plan says otherwise. */
  seconds: number;
  mayCost: MayCost;
  /** What of the fleet it needs and this one does not have; undefined where it can be applied. */
  lacks?(fleet: Fleet): string | undefined;
  /** Does it and proves that it landed. @returns what was seen of it, in words @throws {FaultError} where it did not land */
  apply(fleet: Fleet, scene: Scene): Promise<string>;
}

/** Where a fault comes in a run. */
export interface Scene {
  random(): number;
  /** The replicas and parts that other faults are done to at this time. */
  taken: readonly string[];
  /**
   * Says what is about to be broken, before it is, and how it is made whole again: that is done whatever becomes of the
   * fault, also where it then does not land.
   */
  breaks(targets: string[], heal?: () => Promise<void>): void;
}

/** A fault did not have its effect: a run with it proves nothing. */
export class FaultError extends Error {
  override name = 'FaultError';
}

/** No request fails. nginx gives a replica 2 s, and then asks the next. */
export const nothing: MayCost = { failures: 'none', stallMs: 500, answerMs: 3000 };
/** A paused process is found by nginx's read timeout of 2 s alone. */
export const timeouts: MayCost = { failures: 'none', stallMs: 3000, answerMs: 3000 };
/** While Redis is away every request that needs a session is answered 503 within a second. */
export const outage: MayCost = { failures: 'all', stallMs: null, answerMs: 1000, isFelt: true };

/** One of the replicas that are ready and whole, and leave others that are. @throws {FaultError} */
export async function pickReady(fleet: Fleet, { random, taken }: Scene): Promise<ReplicaStatus> {
  const ready = (await fleet.replicas()).filter(({ state, name }) => state === 'ready' && !taken.includes(name));
  const victim = ready[Math.floor(random() * ready.length)];
  if (victim && ready.length > 1) return victim;
  throw new FaultError(`it needs two replicas that are ready: there are ${ready.length}`);
}

/** @throws {FaultError} unless the replica is in that state now */
export async function requireState(fleet: Fleet, { number, name }: ReplicaStatus, state: ReplicaStatus['state']) {
  const after = (await fleet.replicas()).find((replica) => replica.number === number);
  if (after?.state !== state) throw new FaultError(`${name} is ${after?.state ?? 'not there'}, not ${state}`);
}

/** How long Redis is asked whether it answers. */
export const pingMs = 250;

/** @throws {FaultError} where Redis answers */
export async function requireSilence(fleet: Fleet): Promise<void> {
  if ((await fleet.redis.ping(pingMs)) !== null) throw new FaultError('Redis still answers');
}

/** @throws {FaultError} unless as many as before are ready, none of which runs as it did */
export async function requireReplaced(fleet: Fleet, before: ReplicaStatus[]): Promise<void> {
  const after = (await fleet.replicas()).filter(({ state }) => state === 'ready');
  if (after.length !== before.length) throw new FaultError(`${after.length} of ${before.length} replicas are ready`);
  const same = after.filter(({ name, since }) => before.some((old) => old.name === name && old.since === since));
  if (same.length > 0) throw new FaultError(`${namesOf(same)} still runs as before`);
}

/** What a replica says of itself through nginx: asks until it is the one that answers. @throws {FaultError} after 10 s */
export async function askReplica(fleet: Fleet, name: string): Promise<{ version: string; startedAt: string }> {
  const { http } = await fleet.describe();
  const giveUpAt = performance.now() + 10_000;
  while (performance.now() < giveUpAt) {
    const answer = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    const body = (await answer?.json().catch(() => undefined)) as {
      replica: string;
      version: string;
      startedAt: string;
    };
    if (body?.replica === name) return body;
    await sleep(5); // users are to have the replicas to themselves
  }
  throw new FaultError(`${name} answered nobody within 10 s`);
}

/** Logs somebody in who is none of the users. @returns the value of the session cookie @throws {FaultError} without one */
export async function logInAnew(http: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  const request = { method: 'POST', headers, body: JSON.stringify({ name: 'Nobody' }) };
  const answer = await fetch(`${http}/login`, { ...request, signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  const cookie = answer?.headers.getSetCookie().find((line) => line.startsWith('sid='));
  if (cookie) return cookie.slice('sid='.length, cookie.indexOf(';'));
  throw new FaultError(`nobody can log in: ${answer ? `answered ${answer.status}` : 'no answer'}`);
}

export const namesOf = (replicas: { name: string }[]) => replicas.map(({ name }) => name).join(', ');

/** The replicas that were not there before. */
export async function added(fleet: Fleet, before: ReplicaStatus[]): Promise<ReplicaStatus[]> {
  const now = await fleet.replicas();
  return now.filter(({ name }) => !before.some((replica) => replica.name === name));
}
