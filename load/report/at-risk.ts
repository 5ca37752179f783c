import { servedBy } from '../checks/evidence.ts';
import { sessionsOf } from '../checks/sessions.ts';
import type { History } from '../users/history.ts';

/** What a fault could have broken, at its start. */
export interface AtRisk {
  fault: string;
  /** Milliseconds since the run began. */
  start: number;
  /** Requests sent and not yet answered. */
  underWay: number;
  /** Sessions that were logged in. */
  sessionsOpen: number;
  /** Responses of its targets before it; null for a target that is no replica. */
  served: { target: string; answers: number | null }[];
}

/** What was at risk at each fault: a fault of an idle replica proves nothing. */
export function atRiskOf({ operations, faults, replicas }: History): AtRisk[] {
  const sessions = sessionsOf(operations);
  const answered = servedBy(operations);
  return faults.map(({ fault, start, targets }) => ({
    fault,
    start,
    underWay: operations.filter((operation) => operation.start < start && operation.end >= start).length,
    sessionsOpen: sessions.filter(({ login, endAskedAt }) => login && login.end <= start && start < endAskedAt).length,
    served: targets.map((target) => {
      const times = answered.get(target) ?? (replicas.includes(target) ? [] : undefined);
      return { target, answers: times ? times.filter((end) => end < start).length : null };
    }),
  }));
}
