import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAttributes, readStored, writeStored } from './record.ts';

test('what is written is read again, whatever JSON it is', () => {
  const attributes = fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    fc.jsonValue(),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(attributes, fc.nat(), fc.nat(), (mine, createdAt, cookieAt) => {
      fc.pre(!JSON.stringify(mine).includes('"__proto__":'));
      const stored = writeStored(mine, createdAt, cookieAt, 1e9);
      expect(readStored(stored.text)).toEqual(stored);
      expect(JSON.stringify(readAttributes(stored))).toBe(JSON.stringify(mine));
    }),
  );
});

test('a session of plain connect-redis is read without its cookie', () => {
  const plain = JSON.stringify({ cookie: { expires: '2026-01-01', path: '/' }, user: { id: 'ada' }, list: [] });
  expect(readStored(plain)).toMatchObject({ createdAt: 0, cookieAt: 0, json: '{"user":{"id":"ada"},"list":[]}' });
});

test.each(['{"a":{"__proto__":{"x":1}}}', '{"__proto__":1}', '{"a":[{"b":{"__proto__":null}}]}'])(
  'refuses a key named __proto__: %s',
  (json) => {
    expect(() => writeStored(JSON.parse(json), 0, 0, 1e6)).toThrow('__proto__');
  },
);

test('takes __proto__ as a value', () => {
  const value = { a: '__proto__', b: '"__proto__":', c: ['__proto__'] };
  expect(readAttributes(writeStored(value, 0, 0, 1e6))).toEqual(value);
});

test('refuses more than the limit, in bytes', () => {
  expect(() => writeStored({ a: 'ü'.repeat(100) }, 0, 0, 200)).toThrow('too large');
  expect(() => writeStored({ a: 'u'.repeat(100) }, 0, 0, 200)).not.toThrow();
});
