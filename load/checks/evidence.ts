import type { History, Operation, Pause } from '../history.ts';
import { recoveryMs } from './during.ts';
import type { Findings } from './findings.ts';
import type { FaultFigures } from './judgement.ts';
import type { Session } from './sessions.ts';

/** A replica that answered nobody for so long has nothing to lose. */
const recentMs = 5000;

/** What a pass needs and this history does not have. */
export function missingEvidence(
  history: History,
  sessions: Session[],
  faults: FaultFigures[],
  findings: Findings,
): string[] {
  const { driver, operations, users, replicas, invoked, strangers, background, pauses, problem } = history;
  const missing: string[] = problem === undefined ? [] : [`the run broke off: ${problem}`];
  const loggedIn = new Set(sessions.filter(({ login }) => login).map(({ user }) => user)).size;
  if (loggedIn < users) missing.push(`only ${loggedIn} of ${users} users could log in`);
  const over = faults.reduce((latest, { end }) => Math.max(latest, end ?? Infinity), 0);
  const open = sessions.filter(({ login, endAskedAt }) => login && endAskedAt === Infinity);
  const seen = open.filter((session) => isSeenAfter(session, over)).length;
  if (seen < open.length)
    missing.push(`only ${seen} of ${open.length} sessions that are open were looked at again after the last fault`);
  if (findings.checkedWrites === 0) missing.push('no acknowledged write was looked for afterwards');
  if (faults.length === 0) missing.push('there was no fault: nothing was at risk');
  const served = servedBy(operations);
  for (const name of replicas) if (!served.has(name)) missing.push(`${name} served nobody`);
  for (const { fault, targets, landed, problem, mayCost, start, end, requests, failed } of faults) {
    const why = problem === undefined ? '' : `: ${problem}`;
    if (landed === '') missing.push(`${fault} was not seen to land${why}`);
    else if (end === null) missing.push(`${fault} was not healed${why}`);
    else if (mayCost.isFelt && failed === 0) missing.push(`${fault} cost nothing: nobody was there when it happened`);
    if (requests === 0) missing.push(`no request was under way during ${fault}`);
    const lasted = { start, end: (end ?? start) + recoveryMs };
    const asleep = pauses.reduce((sum, pause) => sum + shared(pause, lasted), 0);
    if (asleep > (lasted.end - start) / 2) missing.push(`the users themselves stood still during ${fault}`);
    // A replica of the fleet must have served just before it is broken; one that joins, before it leaves.
    const isIdle = (name: string) =>
      !served
        .get(name)
        ?.some((at) => at >= start - recentMs && at <= (replicas.includes(name) ? start : (end ?? Infinity)));
    const idle = targets.filter((target) => target !== 'redis' && target !== 'nginx' && isIdle(target));
    if (idle.length > 0)
      missing.push(`${idle.join(', ')} had served nobody shortly before ${fault}: nothing was at risk`);
  }
  if (background && background.answered === 0 && background.failed > 0) missing.push('the background load is void');
  if (strangers === null && driver !== 'url') missing.push("nginx's access log could not be read");
  const wrong = findings.countOf('accounts');
  const [first] = findings.violationsOf('accounts');
  if (wrong > 0)
    missing.push(`the record does not add up (${first?.words}${wrong > 1 ? `, and ${wrong - 1} more` : ''})`);
  if (invoked === 0) missing.push('there were no requests');
  return missing;
}

/** When each replica answered somebody. */
function servedBy(operations: Operation[]): Map<string, number[]> {
  const served = new Map<string, number[]>();
  for (const { replica, end } of operations) {
    if (replica === null) continue;
    const times = served.get(replica);
    if (times) times.push(end);
    else served.set(replica, [end]);
  }
  return served;
}

/** How much of a time the other had a part in. */
function shared(a: Pause, b: Pause): number {
  return Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));
}

function isSeenAfter({ operations }: Session, time: number): boolean {
  const late = operations.filter(({ start, outcome, cookie }) => outcome === 'ok' && !cookie && start > time);
  return late.some(({ sawUser }) => sawUser !== undefined) && late.some(({ kind, saw }) => kind === 'cart' && saw);
}
