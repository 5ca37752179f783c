import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeAttributes } from './merge.ts';

// As they come from JSON, which has no -0.
const value = fc
  .oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom([], {}, 0, ''))
  .map((any) => JSON.parse(JSON.stringify(any)));
const name = fc.constantFrom('a', 'b', 'c', 'constructor', 'toString', 'ü');
const attributes = fc.dictionary(name, value, { noNullPrototype: true });
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const own = (object: object, key: string) =>
  Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;

describe('mergeAttributes', () => {
  test('what one side alone has changed is as that side has it; the same attribute on both sides is a conflict', () => {
    const check = fc.property(attributes, attributes, attributes, (base, mine, theirs) => {
      const names = new Set([base, mine, theirs].flatMap(Object.keys));
      const clash = [...names].some((key) => {
        const [was, my, their] = [own(base, key), own(mine, key), own(theirs, key)];
        return !same(was, my) && !same(was, their) && !(my === undefined && their === undefined);
      });
      if (clash) {
        expect(() => mergeAttributes(base, mine, theirs)).toThrow('Another request changed the same thing');
        return;
      }
      const merged = mergeAttributes(base, mine, theirs);
      for (const key of names) {
        const expected = same(own(base, key), own(mine, key)) ? own(theirs, key) : own(mine, key);
        expect(JSON.stringify(own(merged, key))).toBe(JSON.stringify(expected));
      }
    });
    fc.assert(check, { numRuns: 2000 });
  });

  test('it changes nothing where one side did nothing, and does not mind who is who', () => {
    fc.assert(
      fc.property(attributes, attributes, (base, changed) => {
        expect(mergeAttributes(base, changed, base)).toEqual(changed);
        expect(mergeAttributes(base, base, changed)).toEqual(changed);
      }),
    );
  });

  test('two that have counted from 1 to 2 are a conflict, or one count would be lost', () => {
    expect(() => mergeAttributes({ count: 1 }, { count: 2 }, { count: 2 })).toThrow();
  });

  test('the error names the attribute, unless the later change is declared right', () => {
    const merge = (lastWriteWins?: ReadonlySet<string>) =>
      mergeAttributes({ seen: 1, n: 1 }, { seen: 3, n: 1 }, { seen: 2, n: 2 }, lastWriteWins);
    expect(merge).toThrow(expect.objectContaining({ code: 'session-conflict', attribute: 'seen', statusCode: 409 }));
    expect(merge).toThrow('Both have changed "seen"');
    expect(merge(new Set(['seen']))).toEqual({ seen: 3, n: 2 });
  });

  test('an attribute that one side removed and the other changed is a conflict', () => {
    expect(() => mergeAttributes({ a: 1 }, {}, { a: 2 })).toThrow();
    expect(mergeAttributes({ a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 })).toEqual({ b: 2 });
  });
});
