import { randomUUID } from 'node:crypto';
import { pause } from '../../deploy/fleet/wait.ts';
import type { Fleet, ReplicaStatus } from '../../deploy/fleet/fleet.ts';
import type { FaultTarget, ImpactBudget } from '../users/history.ts';

/** Something that goes wrong, how it is healed, and what it may cost. */
export interface Fault {
  /** One line, for the list of plans. */
  about: string;
  /** What it is done to. */
  target: FaultTarget;
  /** How long it lasts once it is applied, unless a plan says otherwise. */
  seconds: number;
  impactBudget: ImpactBudget;
  /** What this fault needs of a fleet and this one cannot do; undefined if it can be applied. */
  missingCapability?(fleet: Fleet): string | undefined;
  /** Applies the fault and proves that it landed. @returns the evidence, in words @throws {FaultError} if it did not land */
  apply(fleet: Fleet, context: FaultContext): Promise<string>;
}

/** What a run hands to a fault. */
export interface FaultContext {
  random(): number;
  /** Names of the replicas and parts that other faults are using now. */
  taken: readonly string[];
  /** Names what is about to break, before it does, and how to heal it: the heal always runs, even if the fault fails to land. */
  declare(targets: string[], heal?: () => Promise<void>): void;
}

/** A fault had no effect: a run with it proves nothing. */
export class FaultError extends Error {
  override name = 'FaultError';
}

/** No request fails. nginx waits 2 s for a replica, then asks the next one. */
export const noImpact: ImpactBudget = { failures: 'none', stallMs: 500, answerMs: 3000 };
/** Every request that needs a session gets 503 within a second while Redis is away. */
export const outage: ImpactBudget = { failures: 'all', stallMs: null, answerMs: 1000, mustFail: true };

/** Picks a ready replica that no other fault uses, if another ready one remains. @throws {FaultError} */
export async function pickReady(fleet: Fleet, { random, taken }: FaultContext): Promise<ReplicaStatus> {
  const ready = (await fleet.replicas()).filter(({ state, name }) => state === 'ready' && !taken.includes(name));
  const victim = ready[Math.floor(random() * ready.length)];
  if (victim && ready.length > 1) return victim;
  throw new FaultError(`it needs two ready replicas, and there are ${ready.length}`);
}

/** @throws {FaultError} unless the replica is in that state now */
export async function requireState(fleet: Fleet, { number, name }: ReplicaStatus, state: ReplicaStatus['state']) {
  const after = (await fleet.replicas()).find((replica) => replica.number === number);
  if (after?.state !== state) throw new FaultError(`${name} is ${after?.state ?? 'missing'}, not ${state}`);
}

/** How long to wait for Redis to answer a ping. */
export const pingMs = 250;

/** @throws {FaultError} unless as many replicas as before are ready and each was restarted */
export async function requireReplaced(fleet: Fleet, before: ReplicaStatus[]): Promise<void> {
  const after = (await fleet.replicas()).filter(({ state }) => state === 'ready');
  if (after.length !== before.length) throw new FaultError(`${after.length} of ${before.length} replicas are ready`);
  const same = after.filter(({ name, since }) => before.some((old) => old.name === name && old.since === since));
  if (same.length > 0) throw new FaultError(`${namesOf(same)} was not restarted`);
}

/** Asks through nginx until this replica answers. @returns what it says of itself @throws {FaultError} after 10 s */
export async function askReplica(fleet: Fleet, name: string): Promise<{ version: string; startedAt: string }> {
  const { http } = await fleet.describe();
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const response = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    const body = (await response?.json().catch(() => undefined)) as
      | { replica: string; version: string; startedAt: string }
      | undefined;
    if (body?.replica === name) return body;
    await pause(5); // leaves the replicas to the users
  }
  throw new FaultError(`${name} answered no request within 10 s`);
}

/** @throws {FaultError} unless this replica answers with this version */
export async function requireVersion(fleet: Fleet, name: string, version: string): Promise<void> {
  const answer = await askReplica(fleet, name);
  if (answer.version !== version) throw new FaultError(`${name} is version ${answer.version}, not ${version}`);
}

/** Logs in once as a user of its own. @returns the value of the session cookie @throws {FaultError} if it gets none */
export async function logInOnce(http: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  const request = { method: 'POST', headers, body: JSON.stringify({ name: 'Probe' }) };
  const response = await fetch(`${http}/login`, { ...request, signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  );
  const cookie = response?.headers.getSetCookie().find((line) => line.startsWith('sid='));
  if (cookie) return cookie.slice('sid='.length, cookie.indexOf(';'));
  throw new FaultError(`login failed: ${response ? `status ${response.status}` : 'no response'}`);
}

export const namesOf = (replicas: { name: string }[]) => replicas.map(({ name }) => name).join(', ');

/** The replicas that were added since. */
export async function added(fleet: Fleet, before: ReplicaStatus[]): Promise<ReplicaStatus[]> {
  const now = await fleet.replicas();
  return now.filter(({ name }) => !before.some((replica) => replica.name === name));
}
