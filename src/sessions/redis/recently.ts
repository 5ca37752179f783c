/** Which keys were noted a short while ago. */
export interface Recently {
  /** True where the key was not noted within the time. */
  isDue(key: string): boolean;
  note(key: string): void;
}

/** Of so many keys; of more the one that was noted the longest ago is forgotten, and due again. */
const mostKeys = 100_000;

/** @param ms how long a key that was noted is not due */
export function createRecently(ms: number): Recently {
  const noted = new Map<string, number>(); // in the order in which they were noted
  return {
    isDue(key) {
      const at = noted.get(key);
      return at === undefined || performance.now() - at >= ms;
    },
    note(key) {
      noted.delete(key);
      noted.set(key, performance.now());
      if (noted.size > mostKeys) noted.delete(noted.keys().next().value as string);
    },
  };
}
