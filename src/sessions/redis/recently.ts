/** When each of the last keys was noted. */
export interface Recently {
  /** Whether the key was not noted within the last `ms`. */
  isDue(key: string, ms: number): boolean;
  note(key: string): void;
}

/** Of so many keys; of more, the one that was noted the longest ago is forgotten, and due again. */
const maxKeys = 100_000;

export function createRecently(): Recently {
  const noted = new Map<string, number>(); // in the order in which they were noted
  return {
    isDue(key, ms) {
      const at = noted.get(key);
      return at === undefined || performance.now() - at >= ms;
    },
    note(key) {
      noted.delete(key);
      noted.set(key, performance.now());
      if (noted.size > maxKeys) noted.delete(noted.keys().next().value as string);
    },
  };
}
