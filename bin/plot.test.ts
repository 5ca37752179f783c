import { expect, test } from 'vitest';
import { renderPlot } from './plot.ts';

test('one column per value, as high as its part of the largest, and the marks under the axis', () => {
  expect(
    renderPlot(
      [0, 300, 600, 1200, 1200],
      [
        { at: 2, name: 'kill' },
        { at: 4, name: 'back' },
      ],
    ).split('\n'),
  ).toEqual([
    '1,200 │   ██',
    '      │   ██',
    '      │   ██',
    '      │  ███',
    '      │ ▄███',
    '    0 │ ████',
    '      └──a─b',
    '       0 s to 5 s',
    '       a 2 s: kill',
    '       b 4 s: back',
  ]);
});

test('more values than columns are averaged, and no line is longer than the terminal is wide', () => {
  const lines = renderPlot(
    Array.from({ length: 3600 }, (_, second) => second),
    [{ at: 3599, name: 'end' }],
    80,
  ).split('\n');
  expect(Math.max(...lines.slice(0, 7).map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines[6]?.endsWith('a')).toBe(true);
});

test('nothing, and nothing but zeros', () => {
  expect(renderPlot([], [])).toContain('0 s to 0 s');
  expect(renderPlot([0, 0], [])).not.toContain('█');
});
