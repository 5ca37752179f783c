import type { Operation } from '../users/history.ts';
import { findContradiction } from './append-only-list.ts';
import { type Findings, secondsOf } from './findings.ts';
import { checkOwnResponses, reportMissing } from './missing.ts';
import { lateResponsesOf, type Read, readsOf, type Session, type Write, writesOf } from './sessions.ts';

/**
 * Looks for every item that was acknowledged or observed and is missing from a response to a later request. The order of
 * items is left to `findContradiction`, which also finds what this cannot explain. A cart with removals is no append-only
 * list, so there each item is followed by itself.
 */
export function checkCart(session: Session, findings: Findings): void {
  const adds = writesOf(session, 'add');
  const removals = writesOf(session, 'remove');
  // The response to an add or a removal shows the cart afterwards.
  const reads = readsOf(session, ['cart', 'add', 'remove']);
  const before = findings.total;
  for (const kind of ['add', 'remove'] as const) checkOwnResponses(session, kind, findings);
  for (const late of lateResponsesOf(session, ['cart', 'add', 'remove'])) checkLate(session, adds, late, findings);
  const shown = indexReads(reads);
  for (const add of adds.values()) checkItem(session, add, removals.get(add.value), shown, findings);
  if (removals.size > 0) checkWithRemovals(session, adds, reads, findings);
  else checkOrder(session, adds, reads, findings.total > before, findings);
}

/** Even while the session ends, a response holds no other session's items, and none of its own twice. */
function checkLate(session: Session, adds: Map<number, Write>, late: Operation, findings: Findings): void {
  const { observed = [] } = late;
  const foreign = observed.find((value) => (adds.get(value as number)?.start ?? Infinity) > late.end);
  if (foreign !== undefined) findings.foreignValue(session, 'add', foreign, late);
  const twice = observed.find((value, index) => observed.indexOf(value) !== index);
  if (twice === undefined) return;
  findings.add('duplicate', { summary: `${session.name}: ${describe.duplicate(twice, late)}`, operations: [late] });
}

/** @param isFound a missing item was found, of which a divergence or a wrong order would be another symptom */
function checkOrder(session: Session, adds: Map<number, Write>, reads: Read[], isFound: boolean, findings: Findings) {
  const contradiction = findContradiction(adds, reads);
  if (!contradiction) return;
  const { kind, value, first, next } = contradiction;
  if (kind === 'phantom') findings.foreignValue(session, 'add', value, next.operation);
  else if (kind === 'duplicate' || kind === 'aborted-write' || !isFound) {
    const operations = [...(first ? [first.operation] : []), next.operation];
    const check = kind === 'lost-write' || kind === 'stale-read' ? 'non-linearizable' : kind;
    findings.add(check, { summary: `${session.name}: ${describe[kind](value, next.operation)}`, operations });
  }
}

const noOrder = (value: unknown) => `no order explains the adds and reads around item ${value}`;
const describe = {
  'lost-write': noOrder,
  'stale-read': noOrder,
  'diverging-cart': (value: unknown, { replica }: Operation) =>
    `${replica} showed item ${value} where another response shows a different one: two carts for one user`,
  duplicate: (value: unknown, { replica }: Operation) => `item ${value} was added once, and ${replica} shows it twice`,
  'aborted-write': (value: unknown, { replica }: Operation) =>
    `item ${value} was refused ("nothing was changed"), and ${replica} shows it`,
};

interface Shown {
  /** In order of their starts. */
  inOrder: Read[];
  /** The reads that show each item. */
  showing: Map<number | string, Set<Read>>;
}

function indexReads(reads: Read[]): Shown {
  const inOrder = reads.toSorted((a, b) => a.start - b.start);
  const showing: Shown['showing'] = new Map();
  for (const read of inOrder) {
    for (const value of read.observed) {
      const those = showing.get(value);
      if (those) those.add(read);
      else showing.set(value, new Set([read]));
    }
  }
  return { inOrder, showing };
}

function checkItem(
  session: Session,
  add: Write,
  removal: Write | undefined,
  { inOrder, showing }: Shown,
  findings: Findings,
) {
  const { value } = add;
  const shown = showing.get(value) ?? new Set<Read>();
  // What a response showed has happened, acknowledged or not.
  const { at, by } = earliest(add, shown);
  const goneFrom = removal && removal.outcome !== 'fail' ? removal.start : Infinity;
  const later = inOrder.filter(({ start }) => start > at);
  if (add.outcome === 'ok' && later.some(({ end }) => end < goneFrom)) findings.checkedWrites += 1;
  reportMissing(
    {
      session,
      by,
      isAcknowledged: by === add.operation,
      wrong: later.filter((read) => read.end < goneFrom && !shown.has(read)),
      inOrder,
      // Once it may have been removed, its absence proves no loss.
      isRight: (read) => shown.has(read) || read.end >= goneFrom,
      describe: ({ start, operation }) =>
        `${wasThere(add, by)}; ${secondsOf(start - at)} later ${operation.replica} showed the cart without it`,
    },
    findings,
  );
  if (removal && removal.outcome !== 'fail') checkRemoval(session, removal, later, shown, findings);
}

function wasThere({ value, operation }: Write, by: Operation): string {
  return by === operation
    ? `got item ${value} acknowledged by ${by.replica}`
    : `saw item ${value} in the cart at ${by.replica}`;
}

/** @param later responses to requests that started when the item had certainly been added */
function checkRemoval(session: Session, removal: Write, later: Read[], shown: Set<Read>, findings: Findings): void {
  const without = later.filter((read) => !shown.has(read) && read.end >= removal.start);
  const { at, by } = earliest(removal, without);
  if (removal.outcome === 'ok' && later.some(({ start }) => start > at)) findings.checkedWrites += 1;
  reportMissing(
    {
      session,
      by,
      isAcknowledged: by === removal.operation,
      wrong: later.filter((read) => read.start > at && shown.has(read)),
      inOrder: later,
      isRight: (read) => !shown.has(read),
      describe: ({ start, operation }) =>
        `got the removal of item ${removal.value} acknowledged by ${by.replica}; ${secondsOf(start - at)} later ${operation.replica} showed it`,
    },
    findings,
  );
}

/** When a change had certainly happened: it was acknowledged, or a response shows its effect. */
function earliest(write: Write, showing: Iterable<Read>): { at: number; by: Operation } {
  let first = { at: write.end, by: write.operation };
  for (const { end, operation } of showing) if (end < first.at) first = { at: end, by: operation };
  return first;
}

/** Checks the order in a cart with removals. One violation per session. */
function checkWithRemovals(session: Session, adds: Map<number, Write>, reads: Read[], findings: Findings): void {
  const isForeign = (value: number | string, { end }: Read) => (adds.get(value as number)?.start ?? Infinity) > end;
  const foreign = reads.find((read) => read.observed.some((value) => isForeign(value, read)));
  if (foreign) {
    const value = foreign.observed.find((value) => isForeign(value, foreign)) as number | string;
    findings.foreignValue(session, 'add', value, foreign.operation);
    return;
  }
  const found = findDisorder(adds, reads);
  if (!found) return;
  const { kind, value, first, next } = found;
  findings.add(kind, { summary: `${session.name}: ${describe[kind](value, next)}`, operations: [first, next] });
}

interface Disorder {
  kind: 'duplicate' | 'aborted-write' | 'diverging-cart';
  value: number;
  first: Operation;
  next: Operation;
}

/** An item that was refused or is there twice, or two whose order differs between responses. */
function findDisorder(adds: Map<number, Write>, reads: Read[]): Disorder | undefined {
  const order = new Map<string, Operation>();
  for (const { observed, operation: next } of reads) {
    for (const [index, value] of (observed as number[]).entries()) {
      const add = adds.get(value) as Write;
      if (add.outcome === 'fail') return { kind: 'aborted-write', value, first: add.operation, next };
      for (const earlier of observed.slice(0, index)) {
        if (earlier === value) return { kind: 'duplicate', value, first: add.operation, next };
        const first = order.get(`${value} ${earlier}`);
        if (first) return { kind: 'diverging-cart', value, first, next };
        order.set(`${earlier} ${value}`, next);
      }
    }
  }
  return undefined;
}
