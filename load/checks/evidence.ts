import type { EventLoopStall, FaultRecord, History, Operation } from '../users/history.ts';
import { recoveryMs } from '../users/outcome.ts';
import type { Findings } from './findings.ts';
import type { FaultStats } from './judgement.ts';
import type { Session } from './sessions.ts';

/** A replica that served nothing for this long has nothing to lose. */
const recentMs = 5000;

/** Why this history proves nothing, one line each; empty if a pass is justified. */
export function missingEvidence(
  history: History,
  sessions: Session[],
  faults: FaultStats[],
  findings: Findings,
  { open, seen }: ReturnType<typeof openAtTheEnd>,
): string[] {
  const { driver, operations, users, replicas, invoked, unmatchedLogLines, backgroundLoad, eventLoopStalls, problem } =
    history;
  const missing: string[] = [];
  if (problem !== undefined) missing.push(`the run broke off: ${problem}`);
  else if (history.interrupted) missing.push('it was interrupted before its end');
  const loggedIn = new Set(sessions.filter(({ login }) => login).map(({ user }) => user)).size;
  if (loggedIn < users) missing.push(`only ${loggedIn} of ${users} users could log in`);
  if (seen < open) missing.push(`only ${seen} of ${open} open sessions were checked after the last fault`);
  if (findings.checkedWrites === 0) missing.push('no acknowledged write was verified');
  if (faults.length === 0) missing.push('no fault was injected, so nothing was at risk');
  const served = servedBy(operations);
  for (const name of replicas) if (!served.has(name)) missing.push(`${name} served no request`);
  for (const { fault, targets, evidence, problem, impactBudget, start, end, requests, failed } of faults) {
    const reason = problem === undefined ? '' : `: ${problem}`;
    if (evidence === '') missing.push(`${fault} did not land${reason}`);
    else if (end === null) missing.push(`${fault} was not healed${reason}`);
    else if (impactBudget.mustFail && failed === 0) missing.push(`${fault} failed no request, so no user was affected`);
    if (requests === 0) missing.push(`no request was in flight during ${fault}`);
    const lasted = { start, end: (end ?? start) + recoveryMs };
    const stalled = eventLoopStalls.reduce((sum, stall) => sum + overlapOf(stall, lasted), 0);
    if (stalled > (lasted.end - start) / 2) missing.push(`the users' own process stalled during ${fault}`);
    // A replica of the fleet must have served just before it is broken; one that joins, before it leaves.
    const isIdle = (name: string) =>
      !served
        .get(name)
        ?.some((at) => at >= start - recentMs && at <= (replicas.includes(name) ? start : (end ?? Infinity)));
    const idle = targets.filter((target) => target !== 'redis' && target !== 'nginx' && isIdle(target));
    if (idle.length > 0)
      missing.push(`${idle.join(', ')} served no request shortly before ${fault}, so nothing was at risk`);
  }
  if (backgroundLoad && backgroundLoad.answered === 0 && backgroundLoad.failed > 0)
    missing.push('the background load is void');
  if (unmatchedLogLines === null && driver !== 'url') missing.push("nginx's access log could not be read");
  const wrong = findings.countOf('access-log-mismatch');
  const [first] = findings.violationsOf('access-log-mismatch');
  if (wrong > 0)
    missing.push(`the record does not add up (${first?.summary}${wrong > 1 ? `, and ${wrong - 1} more` : ''})`);
  if (invoked === 0) missing.push('no request was sent');
  return missing;
}

/** How many sessions were logged in at the end, and how many of those were checked after the last fault. */
export function openAtTheEnd(sessions: Session[], faults: FaultRecord[]): { open: number; seen: number } {
  const over = faults.reduce((latest, { end }) => Math.max(latest, end ?? Infinity), 0);
  const open = sessions.filter(({ login, endAskedAt }) => login && endAskedAt === Infinity);
  return { open: open.length, seen: open.filter((session) => isSeenAfter(session, over)).length };
}

/** When each replica answered. */
export function servedBy(operations: Operation[]): Map<string, number[]> {
  const served = new Map<string, number[]>();
  for (const { replica, end } of operations) {
    if (replica === null) continue;
    const times = served.get(replica);
    if (times) times.push(end);
    else served.set(replica, [end]);
  }
  return served;
}

/** How long two times overlap. */
function overlapOf(a: EventLoopStall, b: EventLoopStall): number {
  return Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));
}

function isSeenAfter({ operations }: Session, time: number): boolean {
  const late = operations.filter(({ start, outcome, cookie }) => outcome === 'ok' && !cookie && start > time);
  return (
    late.some(({ observedUser }) => observedUser !== undefined) &&
    late.some(({ kind, observed }) => kind === 'cart' && observed)
  );
}
