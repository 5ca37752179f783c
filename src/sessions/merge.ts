import { SessionError } from './errors.ts';
import type { Attributes } from './options.ts';

/**
 * Merges two changes of the same attributes, each made without knowledge of the other: what only one side has changed,
 * added or removed is as that side has it. Values are compared as JSON: this does not look into an attribute.
 *
 * @param base what both began with
 * @param lastWriteWins attributes of which `mine`, which is later, is right
 * @throws {SessionError} session-conflict, which names the attribute, if both have changed it, even to the same value: of
 * two that have counted from 1 to 2 one would be lost. That both have removed it is no conflict.
 */
export function mergeAttributes(
  base: Attributes,
  mine: Attributes,
  theirs: Attributes,
  lastWriteWins?: ReadonlySet<string>,
): Attributes {
  const merged: Attributes = {};
  const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const [was, my, their] = [own(base, name), own(mine, name), own(theirs, name)];
    const isMine = !same(my, was);
    if (isMine && !same(their, was) && !lastWriteWins?.has(name))
      throw new SessionError('session-conflict', { attribute: name });
    const value = isMine ? my : their;
    if (value !== undefined) merged[name] = value;
  }
  return merged;
}

function own(attributes: Attributes, name: string): unknown {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}
