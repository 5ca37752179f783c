import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { wrap } from '../web/format.ts';
import { nearestOf } from './options.ts';
import { createTerminal, renderTable } from './terminal.ts';

/** A terminal of a given width that records what is written. */
function recordOutput(columns?: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  return { written, out: Object.assign(new PassThrough(), { write, ...(columns && { isTTY: true, columns }) }) };
}

test('text is broken between words, and a longer word is never cut', () => {
  expect(wrap('a bb ccc dddddddddd e', 6, '  ')).toBe('a bb\n  ccc\n  dddddddddd\n  e');
  expect(wrap('  indented text', 11)).toBe('  indented\ntext');
  expect(wrap('took 4.1 s and 5 more', 9)).toBe('took\n4.1 s and\n5 more');
  expect(wrap('any length', Infinity)).toBe('any length');
});

test('a table aligns columns, numbers to the right, and wraps the last one', () => {
  const rows = [
    [1, 'first', 'one two three'],
    [23, 'b', 'four'],
  ];
  expect(renderTable(['n', 'name', 'about'], rows, 22)).toBe(
    [' n  name   about', ' 1  first  one two', '           three', '23  b      four'].join('\n'),
  );
});

test('work that takes longer than two seconds shows its seconds, and no word is cut', async () => {
  vi.useFakeTimers();
  try {
    const { written, out } = recordOutput(40);
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = createTerminal({}, out).during('measuring', promise, 30);
    await vi.advanceTimersByTimeAsync(1900);
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(written.at(-1)).toMatch(/measuring … 12 of 30 s$/);
    resolve();
    await done;
    expect(written.at(-1)).toBe('\r\u001b[K'); // the line is cleared
  } finally {
    vi.useRealTimers();
  }
});

test('a state that does not fit loses its last parts', async () => {
  vi.useFakeTimers();
  try {
    const { written, out } = recordOutput(30);
    const stop = createTerminal({}, out).progress.follow(() => '12 of 30 s  ·  kill-replica  ·  400 requests');
    await vi.advanceTimersByTimeAsync(500);
    expect(written.at(-1)).toBe('\r\u001b[K12 of 30 s  ·  kill-replica');
    stop();
  } finally {
    vi.useRealTimers();
  }
});

test.each([{ quiet: true }, { json: true }])('%o: only results are printed', (options) => {
  const { written, out } = recordOutput();
  const terminal = createTerminal(options, out);
  terminal.report('starting');
  terminal.hint('next: unsticky status');
  terminal.print('result');
  expect(written).toEqual(['result\n']);
});

test.each([
  ['kill-replca', 'kill-replica'],
  ['redis', undefined],
  ['rol', 'roll'],
])('the nearest word to %s is %s', (text, nearest) => {
  expect(nearestOf(text, ['kill-replica', 'redis-kill', 'roll'])).toBe(nearest);
});
