import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '../deploy/fleet/fleet.ts';
import { createWaiting, type Waiting } from './checks/during.ts';
import { createCrowd } from './crowd.ts';
import type { FaultRecord, History, Operation } from './history.ts';
import type { Live } from './live.ts';
import type { Mix } from './mix.ts';

/** Of one run. */
const mostUsers = 10_000;

export interface UrlOptions {
  url: string;
  users: number;
  rate: number;
  seed: number;
  command: string;
  seconds: number;
  mix: Mix;
  live: Live;
  ending: AbortSignal;
}

/**
 * Keeps users busy at a site that somebody else breaks. What became of its replicas follows from their answers: one that
 * started anew, or answered nobody any more, or came later.
 */
export async function watchUrl(options: UrlOptions): Promise<History> {
  const { url, seconds, live, ending, command } = options;
  await requireSite(url);
  const crowd = createCrowd({ ...options, promises: false, firstNumber: firstNumberOf(options.seed) });
  const { witness, now } = crowd;
  let over = 0;
  try {
    const state = () => {
      const { operations, failed } = witness;
      return `${Math.round(now() / 1000)} of ${seconds} s  ·  ${operations.length} requests, ${failed} failed  ·  sessions whole ${crowd.users.whole()} of ${options.users}`;
    };
    await crowd.spend(live, state, async () => {
      live.report(`Kill, hang or restart any replica: they go on for ${seconds} s.`);
      await sleep(seconds * 1000, undefined, { signal: ending }).catch(() => {});
      over = now();
    });
    const { operations } = witness;
    const replicas = [...new Set(operations.flatMap(({ replica }) => replica ?? []))];
    const environment = { site: url, node: process.version };
    const known = {
      format: 1,
      plan: 'by-hand',
      driver: 'url',
      store: 'unknown',
      replicas,
      command,
      environment,
    } as const;
    const seen = { strangers: null, background: null, skipped: [], interrupted: ending.aborted };
    const record = crowd.record();
    return { ...known, ...record, ...seen, faults: seenFaults(record, over) };
  } finally {
    await crowd.close();
  }
}

/** Somebody else's run at this site has another seed, and so other users, most likely: names have up to seven digits. */
const firstNumberOf = (seed: number) => 1 + (seed % 900) * mostUsers;

/** @throws {FleetError} unless a site answers there as this one does */
async function requireSite(url: string): Promise<void> {
  const site = URL.parse(url);
  if (!site?.protocol.startsWith('http') || site.pathname !== '/' || site.search !== '' || site.hash !== '')
    throw new FleetError(`${url} is not the address of a site: give it as in http://127.0.0.1:8080`);
  const answer = await fetch(new URL('/whoami', site), { signal: AbortSignal.timeout(5000) }).catch((cause: Error) => {
    const { code, message = cause.message } = (cause.cause ?? {}) as { code?: string; message?: string };
    throw new FleetError(`nobody answers at ${url} (${code ?? message}): is the fleet up?`, [], { cause });
  });
  const body = (await answer.json().catch(() => ({}))) as { replica?: string };
  if (typeof body.replica !== 'string') throw new FleetError(`${url} does not answer GET /whoami as this site does`);
}

/** Whoever does it by hand may kill or hang a replica, but no request may fail for that. */
const mayCost = { failures: 'none', stallMs: 3000, answerMs: 3000 } as const;
/** A replica that answers nobody for so long is not there, or for ten times as long as it usually takes. */
const shortestSilenceMs = 1500;

/** What became of the replicas, as far as users could see. While they stood still themselves, that is nothing. */
function seenFaults({ operations, pauses }: Pick<History, 'operations' | 'pauses'>, over: number): FaultRecord[] {
  const { awake } = createWaiting({ operations, pauses });
  const byReplica = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.replica === null) continue;
    const answers = byReplica.get(operation.replica);
    if (answers) answers.push(operation);
    else byReplica.set(operation.replica, [operation]);
  }
  const seen = [...byReplica].flatMap(([name, answers]) => seenOf(name, answers, over, awake));
  return seen.sort((a, b) => a.start - b.start);
}

function seenOf(name: string, answers: Operation[], over: number, awake: Waiting['awake']): FaultRecord[] {
  const record = (start: number, end: number, landed: string): FaultRecord => {
    return { fault: 'by-hand', targets: [name], start, end, landed, mayCost };
  };
  const found: FaultRecord[] = [];
  const goneMs = Math.max(shortestSilenceMs, 10 * medianGap(answers));
  let started: string | undefined;
  for (const [index, { start, end, replicaStarted }] of answers.entries()) {
    const before = answers[index - 1]?.end ?? end;
    const isNew = replicaStarted !== undefined && started !== undefined && replicaStarted !== started;
    if (isNew) found.push(record(silenceBefore(answers, index), end, `${name} started anew`));
    else if (awake(before, start) > goneMs)
      found.push(record(before, start, `${name} answered nobody for ${Math.round(start - before)} ms`));
    started = replicaStarted ?? started;
  }
  const last = answers.at(-1)?.end ?? over;
  if (awake(last, over) > goneMs)
    found.push(record(last, Math.min(over, last + goneMs), `${name} answered nobody any more`));
  return found;
}

/** The usual time from one answer of a replica to the next. */
function medianGap(answers: Operation[]): number {
  const gaps = answers.slice(1).map(({ end }, index) => end - (answers[index]?.end ?? end));
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? Infinity;
}

/** When its longest silence began since it was last known to be the old one: then it went down. */
function silenceBefore(answers: Operation[], index: number): number {
  let [longest, from] = [0, answers[index - 1]?.end ?? 0];
  for (let at = index; at > 0; at -= 1) {
    const [before, after] = [answers[at - 1]?.end ?? 0, answers[at]?.end ?? 0];
    if (after - before > longest) [longest, from] = [after - before, before];
    if (answers[at - 1]?.replicaStarted !== undefined) break; // before that it was the old one
  }
  return from;
}
