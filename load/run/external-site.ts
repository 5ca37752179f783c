import { FleetError } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import { createWaiting, type Waiting } from '../checks/fault-windows.ts';
import { createCrowd } from '../users/crowd.ts';
import type { FaultRecord, History, Operation } from '../users/history.ts';
import { percentile } from '../users/outcome.ts';
import type { Workload } from '../users/workload.ts';
import { watchMachine } from './machine.ts';
import type { Progress } from './progress.ts';

/** In one run. */
const maxUsers = 10_000;

export interface ExternalSiteOptions {
  url: string;
  users: number;
  rate: number;
  seed: number;
  command: string;
  seconds: number;
  workload: Workload;
  progress: Progress;
  ending: AbortSignal;
}

/**
 * Keeps users busy at a site that another process breaks. What happened to its replicas follows from their responses: one
 * that restarted, stopped answering, or was added.
 */
export async function watchExternalSite(options: ExternalSiteOptions): Promise<History> {
  const { url, seconds, progress, ending, command } = options;
  await requireSite(url);
  const crowd = createCrowd({ ...options, promises: false, firstNumber: firstNumberOf(options.seed) });
  const { now, users, witness } = crowd;
  const machine = watchMachine();
  let over = 0;
  try {
    const state = () => {
      const { operations, failed } = witness;
      return [
        `${Math.round(now() / 1000)} of ${seconds} s`,
        `${operations.length} requests, ${failed} failed`,
        `sessions intact ${users.intactCount()} of ${options.users}`,
      ].join('  ·  ');
    };
    await crowd.runDuring(progress, state, async () => {
      progress.report(`Kill, pause or restart any replica, or Redis: the users stay busy for ${seconds} s.`);
      await pause(seconds * 1000, ending);
      over = now();
    });
    const replicas = [...new Set(witness.operations.flatMap(({ replica }) => replica ?? []))];
    const history = crowd.toHistory({
      ...{ plan: 'by-hand', driver: 'url', store: 'unknown', replicas, command, faults: [], skipped: [] },
      environment: { site: url, node: process.version },
      unmatchedLogLines: null,
      backgroundLoad: null,
      machine: machine(),
      interrupted: ending.aborted,
    });
    return { ...history, faults: findFaults(history, over) };
  } finally {
    machine();
    await crowd.close();
  }
}

/** Another run at this site most likely has another seed, and so other users: names have up to seven digits. */
const firstNumberOf = (seed: number) => 1 + (seed % 900) * maxUsers;

/** @throws {FleetError} unless a site like this one responses there */
async function requireSite(url: string): Promise<void> {
  const site = URL.parse(url);
  if (!site?.protocol.startsWith('http') || site.pathname !== '/' || site.search !== '' || site.hash !== '')
    throw new FleetError(`${url} is not the address of a site: write it as in http://127.0.0.1:8080`);
  const response = await fetch(new URL('/whoami', site), { signal: AbortSignal.timeout(5000) }).catch(
    (cause: Error) => {
      const { code, message = cause.message } = (cause.cause ?? {}) as { code?: string; message?: string };
      throw new FleetError(`no response from ${url} (${code ?? message}): is the fleet up?`, [], { cause });
    },
  );
  const body = (await response.json().catch(() => ({}))) as { replica?: string };
  if (typeof body.replica !== 'string') throw new FleetError(`${url} does not answer GET /whoami as this site does`);
}

/** A replica may be killed or paused by hand, and no request may fail because of it. */
const impactBudget = { failures: 'none', stallMs: 3000, answerMs: 3000 } as const;
/** A replica counts as gone after this time without a response, or ten times its usual gap if that is longer. */
const minSilenceMs = 1500;

/** What happened to the replicas, as far as users could observe it: nothing while their own process stalled. */
function findFaults(
  { operations, eventLoopStalls }: Pick<History, 'operations' | 'eventLoopStalls'>,
  over: number,
): FaultRecord[] {
  const { awake } = createWaiting({ operations, eventLoopStalls });
  const answered = operations.filter(({ replica }) => replica !== null);
  const byReplica = Map.groupBy(answered, ({ replica }) => replica as string);
  const found = [...byReplica].flatMap(([name, responses]) => faultsOf(name, responses, over, awake));
  found.push(...outagesOf(operations));
  return found.sort((a, b) => a.start - b.start);
}

/** Redis may be killed, paused or restarted by hand: until it answers again, what needs a session gets 503. */
const outageBudget = { failures: 'all', stallMs: null, answerMs: 3000 } as const;
const storeProblems = ['store-unavailable', 'outcome-unknown'];
/** Failures so close together belong to one outage. */
const sameOutageMs = 1000;
/** A shorter time in which no request could use its session is a request that was unlucky, not Redis that is out. */
const shortestOutageMs = 100;

/** The times in which Redis was out for every replica. */
function outagesOf(operations: Operation[]): FaultRecord[] {
  const failures = operations
    .filter(({ status, problem = '' }) => status === 503 && storeProblems.includes(problem))
    .sort((a, b) => a.start - b.start);
  const groups: Operation[][] = [];
  let until = Number.NEGATIVE_INFINITY;
  for (const failure of failures) {
    if (failure.start > until + sameOutageMs) groups.push([]);
    groups.at(-1)?.push(failure);
    until = Math.max(until, failure.end);
  }
  const served = operations.filter(({ outcome, kind }) => outcome === 'ok' && kind !== 'whoami').map(({ end }) => end);
  return groups.flatMap((group) => {
    const [start, end] = [group[0]?.start ?? 0, group.reduce((latest, one) => Math.max(latest, one.end), 0)];
    const silence = longestGap([start, ...served.filter((at) => at > start && at < end).sort((a, b) => a - b), end]);
    if (silence < shortestOutageMs) return [];
    const evidence = `Redis did not answer for ${Math.round(end - start)} ms: ${group.length} requests got 503`;
    const targets = ['redis'];
    return [{ fault: 'by-hand', target: 'redis', targets, start, end, evidence, impactBudget: outageBudget }];
  });
}

function longestGap(times: number[]): number {
  return times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0);
}

function faultsOf(name: string, responses: Operation[], over: number, awake: Waiting['awake']): FaultRecord[] {
  const record = (start: number, end: number, evidence: string): FaultRecord => {
    return { fault: 'by-hand', target: 'replica', targets: [name], start, end, evidence, impactBudget };
  };
  const found: FaultRecord[] = [];
  const goneMs = Math.max(minSilenceMs, 10 * medianGap(responses));
  let started: string | undefined;
  for (const [index, { start, end, replicaStartedAt }] of responses.entries()) {
    const before = responses[index - 1]?.end ?? end;
    const isNew = replicaStartedAt !== undefined && started !== undefined && replicaStartedAt !== started;
    if (isNew) found.push(record(silenceBefore(responses, index), end, `${name} was restarted`));
    else if (awake(before, start) > goneMs)
      found.push(record(before, start, `${name} did not answer for ${Math.round(start - before)} ms`));
    started = replicaStartedAt ?? started;
  }
  const last = responses.at(-1)?.end ?? over;
  if (awake(last, over) > goneMs) found.push(record(last, Math.min(over, last + goneMs), `${name} stopped answering`));
  return found;
}

/** The median time from one response of a replica to the next. */
function medianGap(responses: Operation[]): number {
  const gaps = responses.slice(1).map(({ end }, index) => end - (responses[index]?.end ?? end));
  return (
    percentile(
      gaps.toSorted((a, b) => a - b),
      0.5,
    ) ?? Infinity
  );
}

/** When it went down: the start of its longest silence since the old process last answered. */
function silenceBefore(responses: Operation[], index: number): number {
  let longest = 0;
  let from = responses[index - 1]?.end ?? 0;
  for (let at = index; at > 0; at -= 1) {
    const before = responses[at - 1]?.end ?? 0;
    const silence = (responses[at]?.end ?? 0) - before;
    if (silence > longest) {
      longest = silence;
      from = before;
    }
    if (responses[at - 1]?.replicaStartedAt !== undefined) break; // an earlier response is the old process's
  }
  return from;
}
