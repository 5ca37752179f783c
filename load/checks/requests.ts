import type { FaultRecord, History, Operation } from '../users/history.ts';
import { isDuring, isExcused, recoveryMs } from '../users/outcome.ts';
import { calm, type Waiting } from './fault-windows.ts';
import type { Findings } from './findings.ts';
import type { Session } from './sessions.ts';

/** No fault's budget asks for faster responses. */
const strictestMs = 1000;

export interface Requests {
  /** Requests that failed, excused or not. */
  failures: Set<Operation>;
  failed: number;
  excused: number;
  /** Requests that met a closing connection and were answered when repeated. */
  reconnected: number;
}

/** Looks for requests that failed or took too long outside a fault's budget. */
export function checkRequests(history: History, sessions: Session[], waiting: Waiting, findings: Findings): Requests {
  const { operations, faults } = history;
  const result: Requests = { failures: new Set(), failed: 0, excused: 0, reconnected: 0 };
  const endAskedAt = new Map(sessions.map((session) => [session.name, session.endAskedAt]));
  const repeats = new Map(
    operations.filter(({ repeatOf }) => repeatOf !== undefined).map((one) => [one.repeatOf, one]),
  );
  for (const operation of operations) {
    const { outcome, status, start, end, session } = operation;
    if (outcome === 'ok' && end - start <= strictestMs) continue;
    const around = faults.filter((fault) => isDuring(fault, operation));
    checkDuration(operation, around.length > 0 ? around : recovering(faults, operation), waiting, findings);
    // A session that is ending refuses correctly.
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
      findings.add('failed-request', { summary: describe(operation), operations: [operation] });
    }
  }
  return result;
}

/**
 * It met a closing connection, and so did its repeats except the last, which was answered. nginx never saw it then.
 */
function isReconnected(operation: Operation, repeats: Map<number | undefined, Operation>): boolean {
  let last: Operation | undefined = operation;
  while (last?.error === 'closed' && (last.loggedStatus ?? null) === null) last = repeats.get(last.id);
  return last !== operation && last?.status !== null && last?.status !== undefined && last.status < 500;
}

function describe({ kind, session, status, error, problem, start }: Operation): string {
  const why = error ?? problem;
  const result = status === null ? `no response (${error})` : `${status}${why ? ` (${why})` : ''}`;
  return `${session}: ${kind} got ${result} at ${(start / 1000).toFixed(1)} s`;
}

/** The faults that had just ended when it started. */
function recovering(faults: FaultRecord[], { start }: Operation): FaultRecord[] {
  return faults.filter(({ end }) => end !== null && start > end && start <= end + recoveryMs);
}

/** For an operation in flight when a fault started, the time before and the time since are measured separately. */
function checkDuration(operation: Operation, around: FaultRecord[], waiting: Waiting, findings: Findings): void {
  const { kind, session, start, end } = operation;
  const from = Math.max(start, Math.min(end, ...around.map((fault) => fault.start)));
  const before = waiting.awake(start, from);
  const isSlowBefore = before > calm.answerMs;
  const took = isSlowBefore ? before : waiting.awake(from, end);
  const limit = isSlowBefore ? calm.answerMs : limitOf(around);
  if (took <= limit) return;
  const summary = `${session}: ${kind} took ${Math.round(took)} ms (limit ${limit}) at ${(start / 1000).toFixed(1)} s`;
  findings.add('slow-response', { summary, operations: [operation] });
}

/** A request may meet each of the faults in turn; the strictest budget limits each. */
function limitOf(around: FaultRecord[]): number {
  if (around.length === 0) return calm.answerMs;
  return around.length * Math.min(...around.map(({ impactBudget }) => impactBudget.answerMs ?? Infinity));
}
