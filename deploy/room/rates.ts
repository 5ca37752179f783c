import type { ReplicaStatus } from '../fleet/fleet.ts';

/** Requests a second of each replica, from how many it had served at two looks: where Prometheus does not say. */
export function createRates() {
  let before = new Map<string, { since: string | null; served: number }>();
  let beforeAt = 0;
  let rates = new Map<string, number>();
  return {
    /** @param at when they were looked at, in milliseconds of performance.now() */
    see(replicas: ReplicaStatus[], at: number): void {
      if (at === beforeAt) return;
      const now = new Map<string, { since: string | null; served: number }>();
      const isFresh = at - beforeAt < 5000;
      rates = new Map();
      for (const { name, since, requestsServed: served } of replicas) {
        if (served === null) continue;
        now.set(name, { since, served });
        const last = before.get(name);
        if (!last || last.since !== since || !isFresh) continue;
        rates.set(name, Math.max(0, ((served - last.served) * 1000) / (at - beforeAt)));
      }
      [before, beforeAt] = [now, at];
    },
    of: (name: string): number | null => rates.get(name) ?? null,
  };
}
