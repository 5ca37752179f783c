import type { History, Operation } from '../history.ts';
import { countExcused, findFailedRequests, longestStallMs } from './availability.ts';
import { type Latency, latencyOf, sharesOf } from './figures.ts';
import { findLeaks, findLostSessions } from './sessions.ts';
import type { Violation } from './violation.ts';
import { countCheckedWrites, findLostWrites } from './writes.ts';

/** A replica fault may stall the fleet so long, and no longer. */
const mostStallMs = 1000;

export interface Judgement {
  /** `unknown` where nothing was at risk or nothing was seen: no evidence is never a pass. */
  verdict: 'pass' | 'fail' | 'unknown';
  /** Why, a line each; empty on a pass. */
  reasons: string[];
  /** `excused` failed during a fault that may cost requests. */
  requests: { total: number; failed: number; excused: number };
  sessions: { checked: number; lost: number; leaked: number };
  writes: { checked: number; lost: number };
  longestStallMs: number;
  latencyMs: Latency;
  shares: Record<string, number>;
  /** By check; each with the operations that show it. */
  violations: Record<string, Violation[]>;
}

/** Judges a history. Pure: the same history has the same verdict, now and later. */
export function judge(history: History): Judgement {
  const { operations, faults, background } = history;
  const lostSessions = findLostSessions(operations);
  const leaks = findLeaks(operations);
  const lostWrites = findLostWrites(operations);
  const failedRequests = findFailedRequests(operations, faults);
  const stallMs = longestStallMs(operations, faults);
  const writes = { checked: countCheckedWrites(operations), lost: lostWrites.length };
  const loggedIn = operations.filter(({ kind, outcome }) => kind === 'login' && outcome === 'ok').length;
  const excused = faults.some(({ mayFail }) => mayFail);
  const wrong = [
    ...count(lostSessions.length, 'session lost', 'sessions lost'),
    ...count(lostWrites.length, 'acknowledged write lost', 'acknowledged writes lost'),
    ...count(leaks.length, "answer of somebody else's session", "answers of somebody else's session"),
    ...count(failedRequests.length, 'request failed', 'requests failed'),
    ...(excused ? [] : count(background.failed, 'background request failed', 'background requests failed')),
    ...(stallMs > mostStallMs ? [`no success for ${Math.round(stallMs)} ms (at most ${mostStallMs})`] : []),
  ];
  const lookedAgain = countLookedAgain(history);
  const missing = missingEvidence(history, loggedIn, lookedAgain, writes.checked);
  return {
    verdict: wrong.length > 0 ? 'fail' : missing.length > 0 ? 'unknown' : 'pass',
    reasons: wrong.length > 0 ? wrong : missing,
    requests: { total: operations.length, failed: failedRequests.length, excused: countExcused(operations, faults) },
    sessions: { checked: lookedAgain, lost: lostSessions.length, leaked: leaks.length },
    writes,
    longestStallMs: stallMs,
    latencyMs: latencyOf(operations),
    shares: sharesOf(operations),
    violations: { lostSessions, lostWrites, leaks, failedRequests },
  };
}

/** Users who saw who they are and what they have after the last fault was over: without that, losses hide. */
function countLookedAgain({ operations, faults }: History): number {
  const over = Math.max(0, ...faults.map(({ end }) => end ?? Infinity));
  const late = operations.filter(({ start, outcome }) => outcome === 'ok' && start >= over);
  const saw = (kind: Operation['kind']) =>
    new Set(late.filter((operation) => operation.kind === kind).map(({ user }) => user));
  return saw('profile').intersection(saw('cart')).size;
}

/** What a pass needs and this history does not have. */
function missingEvidence(
  { operations, faults, users, replicas }: History,
  loggedIn: number,
  lookedAgain: number,
  writes: number,
): string[] {
  const served = sharesOf(operations.filter(({ start }) => start < (faults[0]?.start ?? Infinity)));
  const missing: string[] = [];
  if (loggedIn < users) missing.push(`only ${loggedIn} of ${users} users could log in`);
  if (lookedAgain < loggedIn)
    missing.push(`only ${lookedAgain} of ${loggedIn} users looked again after the last fault`);
  if (writes === 0) missing.push('no acknowledged write was looked for afterwards');
  if (faults.length === 0) missing.push('there was no fault: nothing was at risk');
  for (const { fault, targets, landed, end } of faults) {
    if (landed === '') missing.push(`${fault} was not seen to land`);
    if (end === null) missing.push(`${fault} was not healed`);
    const idle = targets.filter((target) => replicas.includes(target) && !served[target]);
    if (idle.length > 0) missing.push(`${idle.join(', ')} had served nobody before ${fault}: nothing was at risk`);
  }
  return missing;
}

function count(number: number, one: string, many: string): string[] {
  return number > 0 ? [`${number} ${number === 1 ? one : many}`] : [];
}
