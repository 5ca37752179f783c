import type { History, Operation } from '../users/history.ts';
import { maxViolations, type Violation } from './judgement.ts';
import type { Session } from './sessions.ts';

/** What the checks found: everything is counted, and the first violations of each check are kept. */
export interface Findings {
  readonly total: number;
  checkedWrites: number;
  add(check: string, violation: Violation): void;
  /** The session showed a value that it never wrote: another session's (a leak), or one that no session wrote (a phantom). */
  foreignValue(session: Session, kind: 'add' | 'prefer', value: number | string, operation: Operation): void;
  /** Whether Redis, or the network to it, was broken during this operation. */
  wasStoreBroken(operation: Operation): boolean;
  countOf(check: string): number;
  violationsOf(check: string): Violation[];
}

export function createFindings({
  store,
  faults,
  operations,
}: Pick<History, 'store' | 'faults' | 'operations'>): Findings {
  const counts = new Map<string, number>();
  const kept = new Map<string, Violation[]>();
  // The memory store is in the replica itself.
  const reaching = store === 'memory' ? [] : faults;
  const broken = reaching.filter(
    ({ impactBudget, targets }) => impactBudget.failures !== 'none' && !targets.includes('nginx'),
  );
  let written: Set<string> | undefined; // most runs need none of it
  const findings = {
    checkedWrites: 0,
    total: 0,
    add(check: string, violation: Violation): void {
      findings.total += 1;
      counts.set(check, (counts.get(check) ?? 0) + 1);
      const list = kept.get(check) ?? [];
      if (list.length < maxViolations) list.push(violation);
      kept.set(check, list);
    },
    foreignValue({ name }: Session, kind: 'add' | 'prefer', value: number | string, operation: Operation): void {
      written ??= new Set(operations.map(({ kind, session, value }) => `${kind} ${session}.${value}`));
      const isForeign = typeof value === 'string' && written.has(`${kind} ${value}`);
      const origin = isForeign ? 'data of another session' : 'no user wrote that';
      const summary = `${name} got ${value} from ${operation.replica}: ${origin}`;
      findings.add(isForeign ? 'leak' : 'phantom', { summary, operations: [operation] });
    },
    wasStoreBroken: ({ start, end }: Operation) =>
      broken.some((fault) => start <= (fault.end ?? Infinity) && end >= fault.start),
    countOf: (check: string) => counts.get(check) ?? 0,
    violationsOf: (check: string) => kept.get(check) ?? [],
  };
  return findings;
}

export function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 3 : 1)} s`;
}
