import type { History, Operation } from '../users/history.ts';
import type { Findings } from './findings.ts';

/**
 * Checks that the record can be trusted: each request ended as exactly one operation, and nginx's access log has each
 * response that a user got, with the same status, and no other. @returns how many operations were compared with the log
 */
export function checkAccessLog(history: History, findings: Findings): number {
  const { operations, invoked, unmatchedLogLines, faults } = history;
  const report = (summary: string, ...operations: Operation[]) =>
    findings.add('access-log-mismatch', { summary, operations });
  if (invoked !== operations.length) report(`${invoked} requests were started and ${operations.length} ended`);
  if (unmatchedLogLines) report(`nginx logged ${unmatchedLogLines} requests that no user sent`);
  const repeated = operations.length - new Set(operations.map(({ id }) => id)).size;
  if (repeated > 0) report(`${repeated} requests ended twice`);
  const down = faults.filter(({ targets }) => targets.includes('nginx'));
  let logged = 0;
  for (const operation of operations) {
    const { id, kind, session, outcome, status, loggedStatus, start, end } = operation;
    if (loggedStatus === undefined) continue;
    logged += 1;
    // nginx logs after it has answered: if it is killed in between, there is no line.
    const wasKilled =
      loggedStatus === null && down.some((fault) => start <= (fault.end ?? Infinity) && end >= fault.start - 1000);
    const wasNotSent = outcome === 'fail' && status === null;
    if (wasNotSent ? loggedStatus === null : status === null || status === loggedStatus || wasKilled) continue;
    const result = wasNotSent ? 'was never sent' : `got ${status}`;
    report(`request ${id} (${kind} of ${session}) ${result}, and nginx logged ${loggedStatus ?? 'nothing'}`, operation);
  }
  return logged;
}
