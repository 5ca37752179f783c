import type { History, Operation } from '../history.ts';
import { checkAccounts } from './accounting.ts';
import { checkCart } from './articles.ts';
import { accounts, type Check, checks } from './catalogue.ts';
import { createWaiting } from './during.ts';
import { missingEvidence } from './evidence.ts';
import { figuresOf, latencyOf, sharesOf } from './figures.ts';
import { createFindings, type Findings } from './findings.ts';
import { checkIdentity, checkIds } from './identity.ts';
import type { CheckResult, Judgement } from './judgement.ts';
import { checkPreference } from './preference.ts';
import { checkRequests } from './requests.ts';
import { type Session, sessionsOf } from './sessions.ts';
import { checkShares } from './shares.ts';
import { checkRecovery, checkStalls } from './stalls.ts';

/** Judges a history. Pure: the same history has the same verdict, now and later. */
export function judge(history: History): Judgement {
  const { operations, faults } = history;
  const sessions = sessionsOf(operations);
  const written = new Set<string>();
  for (const { kind, session, value } of operations) {
    if (kind === 'add' || kind === 'prefer') written.add(`${kind} ${session}.${value}`);
  }
  const findings = createFindings(history, (name) => written.has(name));
  for (const session of sessions) {
    checkIdentity(session, findings);
    checkIds(session, findings);
    checkCart(session, findings);
    checkPreference(session, findings);
  }
  const waiting = createWaiting(history);
  const { failures, ...requests } = checkRequests(history, sessions, waiting, findings);
  const longestStallMs = checkStalls(history, waiting, findings);
  const figures = figuresOf(operations, faults, failures);
  checkRecovery(figures, operations, waiting, findings);
  checkShares(history, findings);
  const asked = checkAccounts(history, findings);
  const looked = sessions.filter(wasLookedAt).length;
  const numbers = numbersOf(history, sessions, looked, findings, asked);
  const wrong = checks.flatMap(({ name, one, many }) => count(findings.countOf(name), one, many));
  const missing = missingEvidence(history, sessions, figures, findings);
  return {
    verdict: wrong.length > 0 ? 'fail' : missing.length > 0 ? 'unknown' : 'pass',
    reasons: wrong.length > 0 ? wrong : missing,
    requests: {
      total: operations.length,
      ok: operations.filter(({ outcome }) => outcome === 'ok').length,
      unknown: operations.filter(({ outcome }) => outcome === 'unknown').length,
      ...requests,
    },
    checked: { sessions: looked, writes: findings.checkedWrites },
    checks: [...checks, accounts].map((one) => resultOf(one, findings, numbers)),
    faults: figures,
    longestStallMs,
    latencyMs: latencyOf(operations),
    shares: sharesOf(operations),
  };
}

function resultOf({ name, one, many, about }: Check, findings: Findings, numbers: Record<string, number>): CheckResult {
  const number = findings.countOf(name);
  return {
    name,
    title: number === 1 ? one : many,
    about,
    count: number,
    checked: numbers[name] ?? 0,
    violations: findings.violationsOf(name),
  };
}

/** How much each check had to look at. */
function numbersOf(
  { operations, faults, replicasLeft = [] }: History,
  sessions: Session[],
  looked: number,
  findings: Findings,
  asked: number,
) {
  const reads = operations.filter(({ saw }) => saw !== undefined).length;
  const requests = operations.length;
  const answers = operations.filter(({ outcome }) => outcome === 'ok').length;
  const logouts = sessions.filter(({ endKnownAt, operations }) =>
    operations.some(({ cookie, start }) => cookie === 'logged-out' && start > endKnownAt),
  );
  const refused = operations.filter(({ kind, outcome }) => kind === 'add' && outcome === 'fail').length;
  return {
    'lost-session': looked,
    'lost-write': findings.checkedWrites,
    'false-success': operations.filter((one) => isAcknowledgedWrite(one) && findings.wasStoreBroken(one)).length,
    'undone-logout': logouts.length,
    leak: answers,
    'kept-id': operations.filter(({ ids }) => ids && ids[0] !== null).length,
    'denied-write': operations.filter(isAcknowledgedWrite).length,
    'stale-read': reads,
    fork: reads,
    'wrong-order': reads,
    duplicate: findings.checkedWrites,
    phantom: reads,
    'refused-but-done': refused,
    'failed-request': requests,
    'slow-answer': requests,
    stall: answers,
    'no-share': replicasLeft.length,
    'late-return': faults.length,
    accounts: asked,
  };
}

function isAcknowledgedWrite({ kind, outcome }: Operation): boolean {
  return outcome === 'ok' && (kind === 'add' || kind === 'remove' || kind === 'prefer');
}

/** Somebody logged in and was told afterwards who they are. */
function wasLookedAt({ login, operations }: Session): boolean {
  return (
    login !== undefined &&
    operations.some(
      ({ sawUser, cookie, outcome, start }) =>
        sawUser !== undefined && !cookie && outcome === 'ok' && start > login.end,
    )
  );
}

function count(number: number, one: string, many: string): string[] {
  return number > 0 ? [`${number} ${number === 1 ? one : many}`] : [];
}
