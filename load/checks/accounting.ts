import type { History } from '../history.ts';
import type { Findings } from './findings.ts';

/**
 * Whether the record can be trusted: each request that was begun has ended as one operation, and nginx's access log has
 * each answer that a user got, with the same status, and no other. @returns how many operations nginx was asked about
 */
export function checkAccounts(history: History, findings: Findings): number {
  const { operations, invoked, strangers, faults } = history;
  if (invoked !== operations.length) {
    const words = `${invoked} requests were begun and ${operations.length} ended`;
    findings.add('accounts', { words, operations: [] });
  }
  if (strangers) {
    findings.add('accounts', { words: `nginx logged ${strangers} requests that no user had sent`, operations: [] });
  }
  const ids = new Set(operations.map(({ id }) => id));
  if (ids.size !== operations.length) {
    const words = `${operations.length - ids.size} requests ended twice`;
    findings.add('accounts', { words, operations: [] });
  }
  const down = faults.filter(({ targets }) => targets.includes('nginx'));
  let asked = 0;
  for (const operation of operations) {
    const { id, kind, session, outcome, status, logged, start, end } = operation;
    if (logged === undefined) continue;
    asked += 1;
    // nginx writes its line after the answer: one that is killed in between leaves none.
    const wasKilled =
      logged === null && down.some((fault) => start <= (fault.end ?? Infinity) && end >= fault.start - 1000);
    const wasNotSent = outcome === 'fail' && status === null;
    if (wasNotSent ? logged === null : status === null || status === logged || wasKilled) continue;
    const told = wasNotSent ? 'never sent' : `answered ${status}`;
    const words = `request ${id} (${kind} of ${session}) was ${told}, and nginx logged ${logged ?? 'nothing'}`;
    findings.add('accounts', { words, operations: [operation] });
  }
  return asked;
}
