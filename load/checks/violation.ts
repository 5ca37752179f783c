import type { Operation } from '../history.ts';

/** Something that a user was told and that did not hold, in plain words, with the operations that show it. */
export interface Violation {
  words: string;
  operations: Operation[];
}

/** Groups operations by user, each group in the order in which its operations began. */
export function byUser(operations: Operation[]): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const group = groups.get(operation.user);
    if (group) group.push(operation);
    else groups.set(operation.user, [operation]);
  }
  for (const group of groups.values()) group.sort((a, b) => a.start - b.start);
  return groups;
}
