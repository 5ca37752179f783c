import type { Kind } from './history.ts';

/** What users do. Of each kind its weight; the rest in what it says. */
export interface Mix {
  weights: Partial<Record<Kind, number>>;
  /** How many things a user does at once, at most: tabs, and pages that ask for several things. */
  hands: number;
  /** Never two writes of a session at once. */
  oneWriter?: boolean;
  /** How often a user does something before it logs out, on average. */
  turns: number;
  /** Writes have an Idempotency-Key. */
  keys: boolean;
}

export const visitors: Mix = {
  weights: { add: 30, cart: 20, profile: 22, prefer: 10, preferences: 12, whoami: 6 },
  hands: 3,
  turns: 12,
  keys: true,
};
