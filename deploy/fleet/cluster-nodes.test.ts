import { expect, test } from 'vitest';
import { readClusterNodes } from './cluster-nodes.ts';

const node = (id: string, port: number, flags: string, primary: string, epoch: number, ...slots: string[]) =>
  [id, `127.0.0.1:${port}@1${port}`, flags, primary, '0', '0', epoch, 'connected', ...slots].join(' ');

const newer = [
  node('a', 7001, 'master,fail', '-', 1),
  node('b', 7002, 'myself,master', '-', 2, '5461-10922', '16383', '[9->-a]'),
  node('c', 7003, 'master', '-', 4, '0-5460'),
  node('d', 7004, 'slave', 'b', 2),
].join('\n');
/** Of the primary that was replaced while it was away. */
const older = [
  node('a', 7001, 'myself,master', '-', 1, '0-5460'),
  node('b', 7002, 'master', '-', 2, '5461-10922'),
  node('c', 7003, 'slave', 'a', 1),
  node('d', 7004, 'slave', 'b', 2),
].join('\n');

test.each([
  ['first', [older, newer]],
  ['last', [newer, older]],
])('who was replaced and does not know it has no slots, heard %s', (_, texts) => {
  const nodes = readClusterNodes(texts);
  const slots = Object.fromEntries(nodes.map(({ port, slots }) => [port, slots]));
  expect(slots).toMatchObject({ 7001: [], 7003: [[0, 5460]], 7004: [] });
  expect(nodes.filter(({ primary }) => primary !== undefined)).toMatchObject([{ port: 7004, primary: 'b' }]);
});

test('single slots and ranges are read, and slots that are being moved are not counted', () => {
  expect(readClusterNodes([newer]).find(({ id }) => id === 'b')?.slots).toEqual([
    [5461, 10_922],
    [16_383, 16_383],
  ]);
});

test('text that is no list of servers has none', () => {
  expect(readClusterNodes(['', 'ERR This instance has cluster support disabled'])).toEqual([]);
});
