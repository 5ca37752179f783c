import type { Operation } from '../users/history.ts';
import type { Findings } from './findings.ts';
import type { Read, Session } from './sessions.ts';

/** A change that had certainly happened, and responses to later requests that do not show it. */
export interface Missing {
  session: Session;
  /** The response that proves it: its own, or one that showed it. */
  by: Operation;
  isAcknowledged: boolean;
  wrong: Read[];
  /** All reads, in order of their starts. */
  inOrder: Read[];
  isRight(read: Read): boolean;
  describe(read: Read): string;
}

/** Wrong reads that a right one follows are stale; without a right one, the write was lost. */
export function reportMissing(
  { session, by, isAcknowledged, wrong, inOrder, isRight, describe }: Missing,
  findings: Findings,
) {
  const [first] = wrong;
  if (!first) return;
  const isLost = !inOrder.some((read) => read.start >= first.end && isRight(read));
  for (const read of isLost ? [first] : wrong) {
    const violation = { summary: `${session.user} ${describe(read)}`, operations: [by, read.operation] };
    findings.add(isLost ? 'lost-write' : 'stale-read', violation);
    if (isLost && isAcknowledged && findings.wasStoreBroken(by)) findings.add('false-success', violation);
  }
}

/** Looks for responses that acknowledge a write and do not show it. */
export function checkOwnResponses(session: Session, kind: Operation['kind'], findings: Findings): void {
  for (const operation of session.operations) {
    const { value, observed, outcome, replica } = operation;
    if (operation.kind !== kind || outcome !== 'ok' || !observed || value === undefined) continue;
    const isShown = kind === 'prefer' ? observed[0] === value : observed.includes(value);
    if (isShown === (kind !== 'remove')) continue;
    const summary = `${session.name}: ${replica} acknowledged ${kind} ${value} with a response that shows ${observed.join(', ') || 'nothing'}`;
    findings.add('denied-write', { summary, operations: [operation] });
  }
}
