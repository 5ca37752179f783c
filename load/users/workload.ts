import type { Kind } from './history.ts';

/** What users do. */
export interface Workload {
  /** How often each kind is chosen, relative to the others. */
  weights: Partial<Record<Kind, number>>;
  /** How many requests a user sends at once, at most: tabs, and pages that load several resources. */
  concurrency: number;
  /** Never two writes of a session at once. */
  singleWriter?: boolean;
  /** How many steps a user takes before it logs out, on average. */
  stepsPerVisit: number;
  /** Writes carry an Idempotency-Key. */
  keys: boolean;
}

export const shopping: Workload = {
  weights: { add: 30, cart: 20, profile: 22, prefer: 10, preferences: 12, whoami: 6 },
  concurrency: 3,
  stepsPerVisit: 12,
  keys: true,
};
