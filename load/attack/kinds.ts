export const attackKinds = ['slow-headers', 'slow-bodies', 'slow-readers', 'logins'] as const;
export type AttackKind = (typeof attackKinds)[number];

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
