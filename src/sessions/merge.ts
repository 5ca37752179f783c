import { SessionError } from './errors.ts';
import type { Attributes } from './record.ts';

/**
 * Merges two changes of the same attributes, each made without knowing of the other: what one side alone has changed,
 * added or removed is as that side has it. Values are compared as JSON, whole: this does not look into an attribute.
 *
 * @param base what both began with
 * @throws {SessionError} session-conflict where both have changed the same attribute, be it to the same value: of two
 * that have counted from 1 to 2 one would be lost. That both have removed it is none.
 */
export function mergeAttributes(base: Attributes, mine: Attributes, theirs: Attributes): Attributes {
  const merged: Attributes = {};
  const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const [was, my, their] = [own(base, name), own(mine, name), own(theirs, name)];
    if (!same(my, was) && !same(their, was)) throw new SessionError('session-conflict');
    const value = same(my, was) ? their : my;
    if (value !== undefined) merged[name] = value;
  }
  return merged;
}

function own(attributes: Attributes, name: string): unknown {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}
