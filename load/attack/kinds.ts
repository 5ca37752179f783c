const slowKinds = ['slow-headers', 'slow-bodies', 'slow-readers'] as const;
const floodKinds = ['logins', 'newcomers'] as const;

/** Clients that hold a connection, and take their time. */
export type SlowKind = (typeof slowKinds)[number];
/** Requests that each store something: logins under new names, and carts of visitors who are not logged in. */
export type FloodKind = (typeof floodKinds)[number];
export type AttackKind = SlowKind | FloodKind;

export const attackKinds: readonly AttackKind[] = [...slowKinds, ...floodKinds];

export const isFlood = (kind: AttackKind): kind is FloodKind => (floodKinds as readonly string[]).includes(kind);

export interface Attacker {
  http: string;
  https: string;
  kind: AttackKind;
  count: number;
  from: string;
}

export interface AttackTally {
  /** Connections or requests that it began. */
  begun: number;
  /** The most connections that were open at once. */
  peak: number;
  /** Responses by status. */
  statuses: Record<string, number>;
}
