import type { FaultRecord, History, Operation } from '../users/history.ts';
import { percentile, recoveryMs, setAsideMs } from '../users/outcome.ts';
import type { Findings } from './findings.ts';

/** A shorter time shows chance. */
const shortestMs = 1000;
/** Users send one to three requests at once, so their number varies more than that of single ones: E(n²) / E(n). */
const burst = 7 / 3;
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
    if (lengthOf(during) >= shortestMs && lengthOf(...before) >= shortestMs) {
      examined += 1;
      compareThroughput(fault, before, during, operations, findings);
      compareTimes(fault, during, operations, findings);
    }
    const back = { from: fault.end + backMs - countedMs, to: fault.end + backMs };
    const isCalm = faults.every(({ start }) => start <= fault.start || start >= back.to);
    if (isCalm && operations.some(({ start }) => start >= back.to))
      checkBack(fault, back, operations, replicas, findings);
  }
  return examined;
}

function compareThroughput(
  { fault, impactBudget }: FaultRecord,
  before: Span[],
  during: Span,
  operations: Operation[],
  findings: Findings,
): void {
  const throughput = impactBudget.steady?.throughput ?? 0;
  const [usual, served] = [successesIn(operations, ...before), successesIn(operations, during)];
  const scale = lengthOf(during) / lengthOf(...before);
  const required = throughput * usual * scale;
  const deviation = Math.sqrt(burst * (served + (throughput * scale) ** 2 * usual));
  if (served + deviation >= required) return; // less than one standard deviation may be chance
  const perSecond = Math.round((1000 * usual) / lengthOf(...before));
  const part = `${Math.round((100 * served) / (usual * scale))} % of the ${perSecond} successes per second before it`;
  findings.add('degraded-service', { summary: `${fault}: users got ${part}`, operations: [] });
}

function compareTimes(
  { fault, impactBudget }: FaultRecord,
  during: Span,
  operations: Operation[],
  findings: Findings,
): void {
  const limitMs = impactBudget.steady?.p99Ms ?? Infinity;
  const begun = operations.filter(
    ({ start, outcome }) => outcome === 'ok' && start >= during.from && start < during.to,
  );
  const times = Float64Array.from(begun, ({ start, end }) => end - start).sort();
  const p99 = percentile(times, 0.99) ?? 0;
  if (p99 <= limitMs) return;
  const slow = begun.filter(({ start, end }) => end - start > limitMs).slice(0, 10);
  const summary = `${fault}: p99 was ${Math.round(p99)} ms (limit ${limitMs})`;
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

/** The times before a fault in which no other one had an effect. */
function calmBefore({ start }: FaultRecord, faults: FaultRecord[], arrived: number): Span[] {
  const earlier = faults.filter((other) => other.start < start).toSorted((one, other) => one.start - other.start);
  const calm: Span[] = [];
  let from = arrived;
  for (const { start: to, end } of [...earlier, { start, end: null }]) {
    if (to > from) calm.push({ from, to });
    from = Math.max(from, (end ?? Infinity) + recoveryMs);
  }
  return calm;
}

const lengthOf = (...spans: Span[]) => spans.reduce((sum, { from, to }) => sum + to - from, 0);

function successesIn(operations: Operation[], ...spans: Span[]): number {
  const isWithin = (time: number) => spans.some(({ from, to }) => time >= from && time < to);
  return operations.filter(({ outcome, end }) => outcome === 'ok' && isWithin(end)).length;
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
