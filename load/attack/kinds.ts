/** Clients that hold a connection, and take their time. */
export const slowKinds = ['slow-headers', 'slow-bodies', 'slow-readers'] as const;
/** Requests that each store something: logins under new names, and carts of visitors who are not logged in. */
export const floodKinds = ['logins', 'newcomers'] as const;
export const attackKinds = [...slowKinds, ...floodKinds];
export type AttackKind = (typeof attackKinds)[number];

export const isFlood = (kind: AttackKind): kind is (typeof floodKinds)[number] =>
  (floodKinds as readonly string[]).includes(kind);

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
