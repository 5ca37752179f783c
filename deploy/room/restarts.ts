import type { ReplicaStatus } from '../fleet/fleet.ts';

/** How often each replica was seen to start anew: Prometheus may have come too late to know. */
export function createRestarts() {
  let seen = new Map<string, { start: string; count: number }>();
  return {
    see(replicas: ReplicaStatus[]): void {
      const now = new Map<string, { start: string; count: number }>();
      for (const { name, state, since } of replicas) {
        const last = seen.get(name);
        const start = state === 'down' || since === null ? last?.start : since; // of one that is down it is the end
        if (start === undefined) continue;
        const isAnother = last !== undefined && last.start !== start;
        now.set(name, { start, count: (last?.count ?? 0) + (isAnother ? 1 : 0) });
      }
      seen = now;
    },
    of: (name: string): number | null => seen.get(name)?.count ?? null,
  };
}
