import type { FaultRecord, History, Kind, Operation } from '../history.ts';
import { calm, isDuring, recoveryMs, type Waiting } from './during.ts';
import type { Findings } from './findings.ts';
import type { Session } from './sessions.ts';

const writing: Kind[] = ['login', 'add', 'remove', 'prefer', 'logout', 'logout-everywhere'];

/** No fault asks for faster answers than that. */
const strictestMs = 1000;

export interface Requests {
  /** Those that failed, excused or not. */
  failures: Set<Operation>;
  failed: number;
  excused: number;
  /** Met a connection that was just being closed, and were answered when they were repeated. */
  reconnected: number;
}

/** Looks for requests that failed, or took longer than they may, without a fault that excuses it. */
export function checkRequests(history: History, sessions: Session[], waiting: Waiting, findings: Findings): Requests {
  const { operations, faults } = history;
  const result: Requests = { failures: new Set(), failed: 0, excused: 0, reconnected: 0 };
  const endAskedAt = new Map(sessions.map((session) => [session.name, session.endAskedAt]));
  const repeats = new Map(operations.filter(({ repeats }) => repeats !== undefined).map((one) => [one.repeats, one]));
  for (const operation of operations) {
    const { outcome, status, start, end, session } = operation;
    if (outcome === 'ok' && end - start <= strictestMs) continue;
    const around = faults.filter((fault) => isDuring(fault, operation));
    checkDuration(operation, around.length > 0 ? around : recovering(faults, operation), waiting, findings);
    // A session that is being ended refuses, and rightly so.
    const isRefused = status === 401 && end >= (endAskedAt.get(session) ?? Infinity);
    if (outcome === 'ok' || isRefused) continue;
    if (isReconnected(operation, repeats)) {
      result.reconnected += 1;
      continue;
    }
    result.failures.add(operation);
    if (around.some((fault) => isExcused(operation, fault))) result.excused += 1;
    else {
      result.failed += 1;
      findings.add('failed-request', { words: wordsOf(operation), operations: [operation] });
    }
  }
  return result;
}

/**
 * It met a connection that was just being closed, and so did its repeats, but for the last, which was answered. nginx then
 * knows nothing of it.
 */
function isReconnected(operation: Operation, repeats: Map<number | undefined, Operation>): boolean {
  let last: Operation | undefined = operation;
  while (last?.error === 'closed' && (last.logged ?? null) === null) last = repeats.get(last.id);
  return last !== operation && last?.status !== null && last?.status !== undefined && last.status < 500;
}

/**
 * Where nginx is broken, nobody may answer. Where Redis is, or the way to it, a replica must say so: with 503, and those
 * alone that are cut off.
 */
function isExcused({ kind, status, replica }: Operation, { mayCost, targets }: FaultRecord): boolean {
  const { failures } = mayCost;
  const mayFail = failures === 'all' || (failures === 'writes' && writing.includes(kind));
  if (targets.includes('nginx')) return mayFail && (status === null || [502, 503, 504].includes(status));
  return mayFail && status === 503 && replica !== null && (targets.includes('redis') || targets.includes(replica));
}

function wordsOf({ kind, session, status, error, start }: Operation): string {
  const how = status === null ? `got no answer (${error})` : `was answered ${status}${error ? ` (${error})` : ''}`;
  return `${kind} of ${session} ${how} at ${(start / 1000).toFixed(1)} s`;
}

/** The faults that were just over when it began. */
function recovering(faults: FaultRecord[], { start }: Operation): FaultRecord[] {
  return faults.filter(({ end }) => end !== null && start > end && start <= end + recoveryMs);
}

/** Of what was under way when a fault began, the time before and the time from there on are counted apart. */
function checkDuration(operation: Operation, around: FaultRecord[], waiting: Waiting, findings: Findings): void {
  const { kind, session, start, end } = operation;
  const from = Math.max(start, Math.min(end, ...around.map((fault) => fault.start)));
  const [before, since] = [waiting.awake(start, from), waiting.awake(from, end)];
  const [took, limit] = before > calm.answerMs ? [before, calm.answerMs] : [since, limitOf(around)];
  if (took <= limit) return;
  const words = `${kind} of ${session} took ${Math.round(took)} ms (at most ${limit}) at ${(start / 1000).toFixed(1)} s`;
  findings.add('slow-answer', { words, operations: [operation] });
}

/** A request may meet each of the faults in turn, and the strictest of them says how long it may wait. */
function limitOf(around: FaultRecord[]): number {
  if (around.length === 0) return calm.answerMs;
  return around.length * Math.min(...around.map(({ mayCost }) => mayCost.answerMs ?? Infinity));
}
