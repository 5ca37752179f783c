import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha1 } from './hash.ts';
import { readAttributes, readStored, requireStorable, writeStored } from './record.ts';

test('what is written is read again, whatever JSON it is', () => {
  const attributes = fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    fc.jsonValue(),
    { noNullPrototype: true },
  );
  const settings = { maxAge: fc.option(fc.nat()), path: fc.string(), sameSite: fc.constantFrom('lax', 'none', false) };
  const cookie = fc.option(fc.record(settings), { nil: '' }).map((own) => own && JSON.stringify(own));
  fc.assert(
    fc.property(attributes, fc.nat(), cookie, (mine, createdAt, own) => {
      const json = JSON.stringify(mine);
      fc.pre(!json.includes('"__proto__":'));
      const stored = writeStored(json, own, createdAt, 1e9);
      expect(readStored(stored.text)).toEqual(stored);
      expect(JSON.stringify(readAttributes(stored))).toBe(json);
      const old = `{"createdAt":${createdAt},"cookieAt":${createdAt},"attributes":${json}}`; // version 0.1
      expect(readStored(old)).toEqual({ text: old, version: sha1(old), createdAt, cookie: '', json });
      expect(stored.text.startsWith(stored.version)).toBe(true);
      expect(writeStored(json, own, createdAt, 1e9).version).not.toBe(stored.version);
    }),
  );
});

test('a session of plain connect-redis is read without its cookie', () => {
  const plain = JSON.stringify({ cookie: { expires: '2026-01-01', path: '/' }, user: { id: 'ada' }, list: [] });
  expect(readStored(plain)).toMatchObject({ createdAt: 0, cookie: '', json: '{"user":{"id":"ada"},"list":[]}' });
  const remembered = JSON.stringify({ cookie: { originalMaxAge: 86_400_000, path: '/' }, save: 'hidden' });
  expect(readStored(remembered)).toMatchObject({ cookie: '{"maxAge":86400000}', json: '{}' });
});

test.each(['', '{', 'null', '5', '{"createdAt":1,"attributes":{"a":1'])('%j cannot be read', (text) => {
  expect(readStored(text)).toBeUndefined();
});

test.each(['{"a":{"__proto__":{"x":1}}}', '{"__proto__":1}', '{"a":[{"b":{"__proto__":null}}]}'])(
  'refuses a key named __proto__: %s',
  (json) => {
    expect(() => requireStorable(json, JSON.parse(json))).toThrow('__proto__');
  },
);

test.each(['cookie', 'id', 'save'])('refuses an attribute named %s: the session object has one', (name) => {
  expect(() => requireStorable(`{"${name}":1}`, { [name]: 1 })).toThrow('named as a part');
});

test('takes __proto__ as a value', () => {
  const value = { a: '__proto__', b: '"__proto__":', c: ['__proto__'] };
  expect(() => requireStorable(JSON.stringify(value), value)).not.toThrow();
});

test('refuses more than the limit, in bytes', () => {
  expect(() => writeStored(JSON.stringify({ a: 'ü'.repeat(100) }), '', 0, 200)).toThrow('too large');
  expect(() => writeStored(JSON.stringify({ a: 'u'.repeat(100) }), '', 0, 200)).not.toThrow();
});
