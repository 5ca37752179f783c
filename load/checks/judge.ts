import type { History } from '../users/history.ts';
import { checkAccessLog } from './access-log.ts';
import { checkCart } from './cart.ts';
import { accessLogCheck, type Check, type CheckContext, checks, isChecked } from './catalogue.ts';
import { missingEvidence, openAtTheEnd } from './evidence.ts';
import { faultStatsOf, latencyOf, sharesOf } from './fault-stats.ts';
import { createWaiting, withoutForgettable } from './fault-windows.ts';
import { createFindings } from './findings.ts';
import { checkIdentity, checkIds, checkStreams, streamsToEnd } from './identity.ts';
import type { CheckResult, Judgement } from './judgement.ts';
import { checkPreference } from './preference.ts';
import { checkRequests } from './requests.ts';
import { checkShares, checkSteadyState } from './service.ts';
import { sessionsOf } from './sessions.ts';
import { checkRecovery, checkStalls } from './stalls.ts';

/** Judges a history. Pure: the same history always has the same verdict. */
export function judge(history: History): Judgement {
  const { operations, faults } = history;
  const sessions = sessionsOf(withoutForgettable(history));
  const findings = createFindings(history);
  const successes = operations.filter(({ outcome }) => outcome === 'ok').toSorted((a, b) => a.end - b.end);
  for (const session of sessions) {
    checkIdentity(session, findings);
    checkIds(session, findings);
    checkCart(session, findings);
    checkPreference(session, findings);
  }
  const streams = streamsToEnd(history, sessions);
  checkStreams(streams, history, findings);
  const waiting = createWaiting(history);
  const { failures, ...requests } = checkRequests(history, sessions, waiting, findings);
  const stalls = checkStalls(successes, history, waiting, findings);
  const faultStats = faultStatsOf(operations, successes, faults, failures);
  checkRecovery(faultStats, successes, waiting, findings);
  checkShares(history, findings);
  const steadyFaults = checkSteadyState(history, findings);
  const logged = checkAccessLog(history, findings);
  const context: CheckContext = { history, sessions, findings, logged, steadyFaults, streams: streams.length };
  const violations = checks.flatMap(({ name, one, many, isLiveness }) => {
    const count = findings.countOf(name);
    // A run that broke off proves nothing about when users are answered.
    if (isLiveness && history.problem !== undefined) return [];
    return count > 0 ? [`${count} ${count === 1 ? one : many}`] : [];
  });
  const atTheEnd = openAtTheEnd(sessions, faults);
  const missing = missingEvidence(history, sessions, faultStats, findings, atTheEnd);
  return {
    verdict: violations.length > 0 ? 'fail' : missing.length > 0 ? 'unknown' : 'pass',
    reasons: violations.length > 0 ? violations : missing,
    requests: {
      total: operations.length,
      ok: successes.length,
      unknown: operations.filter(({ outcome }) => outcome === 'unknown').length,
      ...requests,
    },
    checked: {
      sessions: sessions.filter(isChecked).length,
      notCheckedAgain: atTheEnd.open - atTheEnd.seen,
      writes: findings.checkedWrites,
    },
    checks: [...checks, accessLogCheck].map((check) => resultOf(check, context)),
    faults: faultStats,
    longestStallMs: stalls.longestMs,
    longestExcusedStallMs: stalls.excusedMs,
    latencyMs: latencyOf(successes),
    shares: sharesOf(operations),
  };
}

function resultOf({ name, holds, one, many, about, checked }: Check, context: CheckContext): CheckResult {
  const count = context.findings.countOf(name);
  const title = count === 1 ? one : many;
  const violations = context.findings.violationsOf(name);
  return { name, holds, title, about, count, checked: checked(context), violations };
}
