import type { Findings } from './findings.ts';
import { checkOwnAnswers, reportMissing } from './missing.ts';
import { lateAnswersOf, type Read, readsOf, type Session, type Write, writesOf } from './sessions.ts';

/**
 * The preference holds what was written last. An answer is wrong where the value that it shows had certainly been replaced
 * before its request began: by one that was acknowledged or seen, and had been sent after the other had certainly been
 * written. What that does not explain is left to `fitsNoOrder`.
 */
export function checkPreference(session: Session, findings: Findings): void {
  const writes = writesOf(session, 'prefer');
  const reads = readsOf(session, ['prefer', 'preferences']).toSorted((a, b) => a.start - b.start);
  const before = findings.total;
  checkOwnAnswers(session, 'prefer', findings);
  for (const late of lateAnswersOf(session, ['prefer', 'preferences'])) {
    const [value] = late.saw ?? [];
    if (value !== undefined && (writes.get(value as number)?.start ?? Infinity) > late.end)
      findings.stranger(session, 'prefer', value, late);
  }
  const known = reads.filter((read) => isKnown(session, writes, read, findings));
  const certain = certaintiesOf(writes, known);
  for (const write of writes.values()) {
    if (write.outcome === 'ok' && reads.some(({ start }) => start > write.end)) findings.checkedWrites += 1;
  }
  for (const [newest, wrong] of findReplaced(known, writes, certain)) {
    const { by } = certain.get(newest) as Certainty;
    const isOwn = by === newest.operation;
    const told = isOwn
      ? `was told by ${by.replica} that preference ${newest.value} is set`
      : `saw preference ${newest.value} at ${by.replica}`;
    reportMissing(
      {
        session,
        by,
        isAcknowledged: isOwn,
        wrong,
        inOrder: known,
        isRight: (read) => (shownBy(read, writes)?.start ?? -1) >= newest.start,
        words: ({ saw, operation }) =>
          `${told}; later ${operation.replica} showed ${saw[0] === undefined ? 'none' : `preference ${saw[0]}`}`,
      },
      findings,
    );
  }
  if (findings.total === before && fitsNoOrder(writes, known)) {
    const operations = [...writes.values()].map(({ operation }) => operation);
    findings.add('wrong-order', {
      words: `${session.name}: the preferences that it set and saw fit no order`,
      operations,
    });
  }
}

const shownBy = ({ saw: [value] }: Read, writes: Map<number, Write>): Write | undefined =>
  value === undefined ? undefined : writes.get(value as number);

/** False for one that shows what this session did not write by then, or what was refused. */
function isKnown(session: Session, writes: Map<number, Write>, read: Read, findings: Findings): boolean {
  const [value] = read.saw;
  if (value === undefined) return true;
  const write = writes.get(value as number);
  if (!write || write.start > read.end) {
    findings.stranger(session, 'prefer', value, read.operation);
    return false;
  }
  if (write.outcome !== 'fail') return true;
  const words = `${session.name}: preference ${value} was refused (nothing was changed, the answer said), and ${read.operation.replica} shows it`;
  findings.add('refused-but-done', { words, operations: [write.operation, read.operation] });
  return false;
}

interface Certainty {
  at: number;
  by: Write['operation'];
}

/** When each write had certainly happened: it was acknowledged, or an answer showed it. Infinity where neither is known. */
function certaintiesOf(writes: Map<number, Write>, reads: Read[]): Map<Write, Certainty> {
  const certain = new Map([...writes.values()].map((write) => [write, { at: write.end, by: write.operation }]));
  for (const read of reads) {
    const write = shownBy(read, writes);
    if (write && read.end < (certain.get(write)?.at ?? Infinity))
      certain.set(write, { at: read.end, by: read.operation });
  }
  return certain;
}

/** Reads of a value that had been replaced, by the newest write that had certainly replaced it. */
function findReplaced(reads: Read[], writes: Map<number, Write>, certain: Map<Write, Certainty>): Map<Write, Read[]> {
  const at = (write: Write) => certain.get(write)?.at ?? Infinity;
  const byCertainty = [...writes.values()].toSorted((a, b) => at(a) - at(b));
  const replaced = new Map<Write, Read[]>();
  let next = 0;
  let newest: Write | undefined;
  for (const read of reads) {
    for (let write = byCertainty[next]; write && at(write) < read.start; write = byCertainty[++next]) {
      if (!newest || write.start > newest.start) newest = write;
    }
    const shown = shownBy(read, writes);
    if (!newest || newest === shown || (shown && at(shown) >= newest.start)) continue;
    replaced.set(newest, [...(replaced.get(newest) ?? []), read]);
  }
  return replaced;
}

/**
 * Whether a register whose values are unique has no order of its writes and reads, one at a time (Gibbons and Korach,
 * Testing Shared Memories, 1997). The zone of a value goes from the first end to the last start of what wrote or showed
 * it. If that is forward in time, the value stood all the while: two such zones must not overlap, and none that is
 * backward may lie within one.
 */
export function fitsNoOrder(writes: Map<number, Write>, reads: Read[]): boolean {
  const zones = new Map<number | undefined, { from: number; to: number }>([[undefined, { from: -1, to: -1 }]]);
  for (const { value, outcome, end, start } of writes.values()) {
    if (outcome === 'ok') zones.set(value, { from: end, to: start });
  }
  for (const read of reads) {
    const value = read.saw[0] as number | undefined;
    const write = shownBy(read, writes);
    const { from, to } = zones.get(value) ?? { from: Infinity, to: write?.start ?? -1 };
    zones.set(value, { from: Math.min(from, read.end), to: Math.max(to, read.start) });
  }
  const all = [...zones.values()];
  const forward = all.filter(({ from, to }) => from < to);
  return forward.some((a) => all.some((b) => b !== a && a.from < b.to && b.from < a.to));
}
