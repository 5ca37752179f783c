import type { Findings } from './findings.ts';
import { checkOwnResponses, reportMissing } from './missing.ts';
import { lateResponsesOf, type Read, readsOf, type Session, type Write, writesOf } from './sessions.ts';

/**
 * The preference holds the last written value. A response is wrong if its value had certainly been replaced before its
 * request started: by a value that was acknowledged or observed, and was sent after the other had certainly been written.
 * What that does not explain is left to `fitsNoOrder`.
 */
export function checkPreference(session: Session, findings: Findings): void {
  const writes = writesOf(session, 'prefer');
  const reads = readsOf(session, ['prefer', 'preferences']).toSorted((a, b) => a.start - b.start);
  const before = findings.total;
  checkOwnResponses(session, 'prefer', findings);
  for (const late of lateResponsesOf(session, ['prefer', 'preferences'])) {
    const [value] = late.observed ?? [];
    if (value !== undefined && (writes.get(value as number)?.start ?? Infinity) > late.end)
      findings.foreignValue(session, 'prefer', value, late);
  }
  const known = reads.filter((read) => isKnown(session, writes, read, findings));
  const certain = certaintiesOf(writes, known);
  for (const write of writes.values()) {
    if (write.outcome === 'ok' && reads.some(({ start }) => start > write.end)) findings.checkedWrites += 1;
  }
  for (const [newest, wrong] of findReplaced(known, writes, certain)) {
    const { by } = certain.get(newest) as Certainty;
    const isOwn = by === newest.operation;
    const change = isOwn
      ? `got preference ${newest.value} acknowledged by ${by.replica}`
      : `saw preference ${newest.value} at ${by.replica}`;
    reportMissing(
      {
        session,
        by,
        isAcknowledged: isOwn,
        wrong,
        inOrder: known,
        isRight: (read) => (shownBy(read, writes)?.start ?? -1) >= newest.start,
        describe: ({ observed, operation }) =>
          `${change}; later ${operation.replica} showed ${observed[0] === undefined ? 'none' : `preference ${observed[0]}`}`,
      },
      findings,
    );
  }
  if (findings.total === before && fitsNoOrder(writes, known)) {
    const operations = [...writes.values()].map(({ operation }) => operation);
    findings.add('non-linearizable', {
      summary: `${session.name}: no order explains the preferences that it set and saw`,
      operations,
    });
  }
}

const shownBy = ({ observed: [value] }: Read, writes: Map<number, Write>): Write | undefined =>
  value === undefined ? undefined : writes.get(value as number);

/** False for a read of a value that this session had not written by then, or that was refused. */
function isKnown(session: Session, writes: Map<number, Write>, read: Read, findings: Findings): boolean {
  const [value] = read.observed;
  if (value === undefined) return true;
  const write = writes.get(value as number);
  if (!write || write.start > read.end) {
    findings.foreignValue(session, 'prefer', value, read.operation);
    return false;
  }
  if (write.outcome !== 'fail') return true;
  const summary = `${session.name}: preference ${value} was refused ("nothing was changed"), and ${read.operation.replica} shows it`;
  findings.add('aborted-write', { summary, operations: [write.operation, read.operation] });
  return false;
}

interface Certainty {
  at: number;
  by: Write['operation'];
}

/** When each write had certainly happened: it was acknowledged, or a response showed it. Infinity if neither. */
function certaintiesOf(writes: Map<number, Write>, reads: Read[]): Map<Write, Certainty> {
  const certain = new Map([...writes.values()].map((write) => [write, { at: write.end, by: write.operation }]));
  for (const read of reads) {
    const write = shownBy(read, writes);
    if (write && read.end < (certain.get(write)?.at ?? Infinity))
      certain.set(write, { at: read.end, by: read.operation });
  }
  return certain;
}

/** Reads of a replaced value, by the newest write that had certainly replaced it. */
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
 * Whether no order of writes and reads, one at a time, explains a register with unique values (Gibbons and Korach, Testing
 * Shared Memories, 1997). The zone of a value goes from the first end to the last start of the operations that wrote or
 * showed it. In a forward zone the register held the value all the time: two forward zones must not overlap, and no
 * backward zone may lie within one.
 */
export function fitsNoOrder(writes: Map<number, Write>, reads: Read[]): boolean {
  const zones = new Map<number | undefined, { from: number; to: number }>([[undefined, { from: -1, to: -1 }]]);
  for (const { value, outcome, end, start } of writes.values()) {
    if (outcome === 'ok') zones.set(value, { from: end, to: start });
  }
  for (const read of reads) {
    const value = read.observed[0] as number | undefined;
    const write = shownBy(read, writes);
    const { from, to } = zones.get(value) ?? { from: Infinity, to: write?.start ?? -1 };
    zones.set(value, { from: Math.min(from, read.end), to: Math.max(to, read.start) });
  }
  const all = [...zones.values()];
  const forward = all.filter(({ from, to }) => from < to);
  return forward.some((a) => all.some((b) => b !== a && a.from < b.to && b.from < a.to));
}
