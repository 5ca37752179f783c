import { expect, test } from 'vitest';
import { slotOf } from './topology.ts';

// The Cluster's specification, "Key distribution model" and appendix A.

test('the slot of a key is the CRC-16 of its bytes', () => {
  expect(slotOf('123456789')).toBe(0x31c3);
  expect(slotOf('')).toBe(0);
});

test.each([
  ['{user1000}.following', 'user1000'],
  ['foo{bar}{zap}', 'bar'],
  ['foo{{bar}}zap', '{bar'],
])('keys share a slot by what is in the first braces: %s', (key, tag) => {
  expect(slotOf(key)).toBe(slotOf(tag));
});

test('empty braces count as letters', () => {
  expect(slotOf('foo{}{bar}')).not.toBe(slotOf('bar'));
});
