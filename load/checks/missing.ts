import type { Operation } from '../history.ts';
import type { Findings } from './findings.ts';
import type { Read, Session } from './sessions.ts';

/** A change that had certainly happened, and answers to later requests that do not show it. */
export interface Missing {
  session: Session;
  /** What says that it had happened: its own answer, or one that showed it. */
  by: Operation;
  isAcknowledged: boolean;
  wrong: Read[];
  /** All reads, in the order in which they began. */
  inOrder: Read[];
  isRight(read: Read): boolean;
  words(read: Read): string;
}

/** Wrong answers after which a right one came are stale; where none came, the write was lost. */
export function reportMissing(
  { session, by, isAcknowledged, wrong, inOrder, isRight, words }: Missing,
  findings: Findings,
) {
  const [first] = wrong;
  if (!first) return;
  const isLost = !inOrder.some((read) => read.start >= first.end && isRight(read));
  for (const read of isLost ? [first] : wrong) {
    const violation = { words: `${session.user} ${words(read)}`, operations: [by, read.operation] };
    findings.add(isLost ? 'lost-write' : 'stale-read', violation);
    if (isLost && isAcknowledged && findings.wasStoreBroken(by)) findings.add('false-success', violation);
  }
}

/** An answer that acknowledges a write and does not show it. */
export function checkOwnAnswers(session: Session, kind: Operation['kind'], findings: Findings): void {
  for (const operation of session.operations) {
    const { value, saw, outcome, replica } = operation;
    if (operation.kind !== kind || outcome !== 'ok' || !saw || value === undefined) continue;
    const isShown = kind === 'prefer' ? saw[0] === value : saw.includes(value);
    if (isShown === (kind !== 'remove')) continue;
    const words = `${session.name}: ${replica} acknowledged ${kind} ${value} with an answer that shows ${saw.join(', ') || 'nothing'}`;
    findings.add('denied-write', { words, operations: [operation] });
  }
}
