import type { History, Operation } from '../history.ts';
import { mostViolations, type Violation } from './judgement.ts';
import type { Session } from './sessions.ts';

/** What the checks have found so far: everything is counted, the first violations of each check are kept. */
export interface Findings {
  readonly total: number;
  checkedWrites: number;
  add(check: string, violation: Violation): void;
  /** The session showed something that it never wrote: another's (a leak), or nobody's (a phantom). */
  stranger(session: Session, kind: 'add' | 'prefer', value: number | string, operation: Operation): void;
  /** Whether Redis, or the way to it, was broken while this was under way. */
  wasStoreBroken(operation: Operation): boolean;
  countOf(check: string): number;
  violationsOf(check: string): Violation[];
}

/** @param written every value that a session wrote, as `add session.value` or `prefer session.value` */
export function createFindings(
  { store, faults }: Pick<History, 'store' | 'faults'>,
  written: (name: string) => boolean,
): Findings {
  const counts = new Map<string, number>();
  const kept = new Map<string, Violation[]>();
  // The memory store is in the replica itself.
  const reaching = store === 'memory' ? [] : faults;
  const broken = reaching.filter(({ mayCost, targets }) => mayCost.failures !== 'none' && !targets.includes('nginx'));
  let total = 0;
  const findings: Findings = {
    checkedWrites: 0,
    get total() {
      return total;
    },
    add(check, violation) {
      total += 1;
      counts.set(check, (counts.get(check) ?? 0) + 1);
      const list = kept.get(check) ?? [];
      if (list.length < mostViolations) list.push(violation);
      kept.set(check, list);
    },
    stranger(session, kind, value, operation) {
      const isOthers = typeof value === 'string' && written(`${kind} ${value}`);
      const words = isOthers
        ? `${session.name} was shown ${value} by ${operation.replica}: it is another session's`
        : `${session.name} was shown ${value} by ${operation.replica}: nobody wrote that`;
      findings.add(isOthers ? 'leak' : 'phantom', { words, operations: [operation] });
    },
    wasStoreBroken: ({ start, end }) => broken.some((fault) => start <= (fault.end ?? Infinity) && end >= fault.start),
    countOf: (check) => counts.get(check) ?? 0,
    violationsOf: (check) => kept.get(check) ?? [],
  };
  return findings;
}

export function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 3 : 1)} s`;
}
