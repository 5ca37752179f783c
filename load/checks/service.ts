import type { FaultRecord, History, Operation } from '../users/history.ts';
import { percentile, recoveryMs, setAsideMs } from '../users/outcome.ts';
import type { Findings } from './findings.ts';

/** A shorter time shows chance. */
const shortestMs = 1000;
/** As long a time before the fault is what users are compared with. */
const longestBeforeMs = 5000;
/** After this time a replica that is back has at least half its share. */
const backMs = 10_000;
/** The share is counted in so much of that time. */
const countedMs = 2000;

interface Span {
  from: number;
  to: number;
}

/**
 * Looks at faults whose budget says what users get while the fault lasts (ImpactBudget.steady): as many successes per
 * second as before it, and response times. And whether a replica that is back has its share again.
 * @returns how many faults lasted long enough to see what users get meanwhile
 */
export function checkSteadyState({ operations, faults, replicas }: History, findings: Findings): number {
  let examined = 0;
  const arrived = arrivedAt(operations);
  for (const fault of faults) {
    const { steady } = fault.impactBudget;
    if (!steady || fault.end === null) continue;
    const during = { from: fault.start + steady.afterMs, to: fault.end };
    const before = calmBefore(fault, faults, arrived);
    if (lengthOf(during) >= shortestMs && lengthOf(before) >= shortestMs) {
      examined += 1;
      compare(fault, [before, during], operations, findings);
    }
    const back = { from: fault.end + backMs - countedMs, to: fault.end + backMs };
    const isCalm = faults.every(({ start }) => start <= fault.start || start >= back.to);
    if (isCalm && operations.some(({ start }) => start >= back.to))
      checkBack(fault, back, operations, replicas, findings);
  }
  return examined;
}

function compare(
  fault: FaultRecord,
  [before, during]: [Span, Span],
  operations: Operation[],
  findings: Findings,
): void {
  const { throughput = 0, p99Ms = Infinity } = fault.impactBudget.steady ?? {};
  const [usual, served] = [rateIn(operations, before), rateIn(operations, during)];
  if (served < throughput * usual) {
    const part = `${Math.round((100 * served) / usual)} % of the ${Math.round(usual)} successes per second before it`;
    findings.add('degraded-service', { summary: `${fault.fault}: users got ${part}`, operations: [] });
  }
  const begun = operations.filter(
    ({ start, outcome }) => outcome === 'ok' && start >= during.from && start < during.to,
  );
  const times = Float64Array.from(begun, ({ start, end }) => end - start).sort();
  const p99 = percentile(times, 0.99) ?? 0;
  if (p99 <= p99Ms) return;
  const slow = begun.filter(({ start, end }) => end - start > p99Ms).slice(0, 10);
  const summary = `${fault.fault}: p99 was ${Math.round(p99)} ms (limit ${p99Ms})`;
  findings.add('degraded-service', { summary, operations: slow });
}

function checkBack(
  { fault, targets }: FaultRecord,
  { from, to }: Span,
  operations: Operation[],
  replicas: string[],
  findings: Findings,
): void {
  const answered = operations.filter(({ replica, end }) => replica !== null && end >= from && end < to);
  for (const target of targets.filter((name) => replicas.includes(name))) {
    const own = answered.filter(({ replica }) => replica === target).length;
    if (own >= answered.length / replicas.length / 2) continue;
    const summary = `${fault}: ${backMs / 1000} s after it, ${target} served ${own} of ${answered.length} requests`;
    findings.add('degraded-service', { summary, operations: [] });
  }
}

/** When each user had logged in: until then there are more requests than later. */
export function arrivedAt(operations: Operation[]): number {
  return operations.reduce((latest, { kind, session, end }) => {
    return kind === 'login' && session.endsWith('.1') ? Math.max(latest, end) : latest;
  }, 0);
}

/** The time before a fault in which no other one had an effect. */
function calmBefore({ start }: FaultRecord, faults: FaultRecord[], arrived: number): Span {
  const earlier = faults.filter((other) => other.start < start);
  const from = Math.max(arrived, start - longestBeforeMs, ...earlier.map(({ end }) => (end ?? Infinity) + recoveryMs));
  return { from, to: start };
}

const lengthOf = ({ from, to }: Span) => to - from;

/** Successes per second. */
function rateIn(operations: Operation[], span: Span): number {
  const count = operations.filter(({ outcome, end }) => outcome === 'ok' && end >= span.from && end < span.to).length;
  return (1000 * count) / lengthOf(span);
}

/** With this many responses per replica, a round robin has certainly reached all of them. */
const minResponses = 20;

/** Looks for replicas that exist at the end and served nothing: one that came back or was added must serve. */
export function checkShares({ operations, faults, replicasAtEnd = [] }: History, findings: Findings): void {
  const over = Math.max(0, ...faults.map(({ end }) => end ?? Infinity));
  const late = operations.filter(({ start, replica }) => start > over && replica !== null);
  const isLong = operations.some(({ start }) => start > over + setAsideMs);
  if (!isLong || late.length < minResponses * replicasAtEnd.length) return;
  const served = new Set(late.map(({ replica }) => replica));
  for (const name of replicasAtEnd) {
    if (served.has(name)) continue;
    const summary = `${name} answered none of the ${late.length} requests after the last fault`;
    findings.add('idle-replica', { summary, operations: [] });
  }
}
