import type { Operation } from '../history.ts';
import { findContradiction } from './cart.ts';
import { type Findings, secondsOf } from './findings.ts';
import { checkOwnAnswers, reportMissing } from './missing.ts';
import { lateAnswersOf, type Read, readsOf, type Session, type Write, writesOf } from './sessions.ts';

/**
 * Looks for every article that was acknowledged, or seen, and is missing from an answer whose request began afterwards.
 * The order of the articles is left to `findContradiction`, which also finds what this cannot explain. A session from
 * which articles are removed is no append-only list, so there each article is followed by itself.
 */
export function checkCart(session: Session, findings: Findings): void {
  const adds = writesOf(session, 'add');
  const removals = writesOf(session, 'remove');
  // An add or a removal is answered with what is in the cart afterwards.
  const reads = readsOf(session, ['cart', 'add', 'remove']);
  const before = findings.total;
  for (const kind of ['add', 'remove'] as const) checkOwnAnswers(session, kind, findings);
  for (const late of lateAnswersOf(session, ['cart', 'add', 'remove'])) checkLate(session, adds, late, findings);
  const shown = indexReads(reads);
  for (const add of adds.values()) checkArticle(session, add, removals.get(add.value), shown, findings);
  if (removals.size > 0) checkTidy(session, adds, reads, findings);
  else checkOrder(session, adds, reads, findings.total > before, findings);
}

/** Whatever becomes of the session meanwhile: an answer holds nobody else's articles, and none of its own twice. */
function checkLate(session: Session, adds: Map<number, Write>, late: Operation, findings: Findings): void {
  const { saw = [] } = late;
  const stranger = saw.find((value) => (adds.get(value as number)?.start ?? Infinity) > late.end);
  if (stranger !== undefined) findings.stranger(session, 'add', stranger, late);
  const twice = saw.find((value, index) => saw.indexOf(value) !== index);
  if (twice === undefined) return;
  findings.add('duplicate', { words: `${session.name}: ${wordsOf.duplicate(twice, late)}`, operations: [late] });
}

/** @param isFound an article was found missing, of which a fork or a wrong order would be another word */
function checkOrder(session: Session, adds: Map<number, Write>, reads: Read[], isFound: boolean, findings: Findings) {
  const contradiction = findContradiction(adds, reads);
  if (!contradiction) return;
  const { kind, value, first, next } = contradiction;
  if (kind === 'phantom') findings.stranger(session, 'add', value, next.operation);
  else if (kind === 'duplicate' || kind === 'refused-but-done' || !isFound) {
    const operations = [...(first ? [first.operation] : []), next.operation];
    const check = kind === 'lost-write' || kind === 'stale-read' ? 'wrong-order' : kind;
    findings.add(check, { words: `${session.name}: ${wordsOf[kind](value, next.operation)}`, operations });
  }
}

const noOrder = (value: unknown) => `the adds and reads around article ${value} fit no order`;
const wordsOf = {
  'lost-write': noOrder,
  'stale-read': noOrder,
  fork: (value: unknown, { replica }: Operation) =>
    `${replica} showed article ${value} where another answer shows a different one: two carts for one visitor`,
  duplicate: (value: unknown, { replica }: Operation) =>
    `article ${value} was added once, and ${replica} shows it twice`,
  'refused-but-done': (value: unknown, { replica }: Operation) =>
    `article ${value} was refused (nothing was changed, the answer said), and ${replica} shows it`,
};

interface Shown {
  /** In the order in which they began. */
  inOrder: Read[];
  /** For each article those that show it. */
  showing: Map<number | string, Set<Read>>;
}

function indexReads(reads: Read[]): Shown {
  const inOrder = reads.toSorted((a, b) => a.start - b.start);
  const showing: Shown['showing'] = new Map();
  for (const read of inOrder) {
    for (const value of read.saw) {
      const those = showing.get(value);
      if (those) those.add(read);
      else showing.set(value, new Set([read]));
    }
  }
  return { inOrder, showing };
}

function checkArticle(
  session: Session,
  add: Write,
  removal: Write | undefined,
  { inOrder, showing }: Shown,
  findings: Findings,
) {
  const { value } = add;
  const shown = showing.get(value) ?? new Set<Read>();
  // What one answer has shown has happened, acknowledged or not.
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
      // Once it may have been removed, nobody can say whether it was lost.
      isRight: (read) => shown.has(read) || read.end >= goneFrom,
      words: ({ start, operation }) =>
        `${wasThere(add, by)}; ${secondsOf(start - at)} later ${operation.replica} showed the cart without it`,
    },
    findings,
  );
  if (removal && removal.outcome !== 'fail') checkRemoval(session, removal, later, shown, findings);
}

function wasThere({ value, operation }: Write, by: Operation): string {
  return by === operation
    ? `was told by ${by.replica} that article ${value} is in the cart`
    : `saw article ${value} in the cart at ${by.replica}`;
}

/** @param later answers to requests that began when the article had certainly been added */
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
      words: ({ start, operation }) =>
        `was told by ${by.replica} that article ${removal.value} is out of the cart; ${secondsOf(start - at)} later ${operation.replica} showed it`,
    },
    findings,
  );
}

/** When a change had certainly happened: it was acknowledged, or an answer shows its effect. */
function earliest(write: Write, showing: Iterable<Read>): { at: number; by: Operation } {
  let [at, by] = [write.end, write.operation];
  for (const { end, operation } of showing) if (end < at) [at, by] = [end, operation];
  return { at, by };
}

/** What no order explains in a cart that is no append-only list. One violation a session. */
function checkTidy(session: Session, adds: Map<number, Write>, reads: Read[], findings: Findings): void {
  const isStranger = (value: number | string, { end }: Read) => (adds.get(value as number)?.start ?? Infinity) > end;
  const stranger = reads.find((read) => read.saw.some((value) => isStranger(value, read)));
  if (stranger) {
    const value = stranger.saw.find((value) => isStranger(value, stranger)) as number | string;
    findings.stranger(session, 'add', value, stranger.operation);
    return;
  }
  const found = findDisorder(adds, reads);
  if (!found) return;
  const { kind, value, first, next } = found;
  findings.add(kind, { words: `${session.name}: ${wordsOf[kind](value, next)}`, operations: [first, next] });
}

interface Disorder {
  kind: 'duplicate' | 'refused-but-done' | 'fork';
  value: number;
  first: Operation;
  next: Operation;
}

/** An article that was refused, or is there twice; or two whose order is one in this answer and the other in another. */
function findDisorder(adds: Map<number, Write>, reads: Read[]): Disorder | undefined {
  const order = new Map<string, Operation>();
  for (const { saw, operation: next } of reads) {
    for (const [index, value] of (saw as number[]).entries()) {
      const add = adds.get(value) as Write;
      if (add.outcome === 'fail') return { kind: 'refused-but-done', value, first: add.operation, next };
      for (const earlier of saw.slice(0, index)) {
        if (earlier === value) return { kind: 'duplicate', value, first: add.operation, next };
        const first = order.get(`${value} ${earlier}`);
        if (first) return { kind: 'fork', value, first, next };
        order.set(`${earlier} ${value}`, next);
      }
    }
  }
  return undefined;
}
