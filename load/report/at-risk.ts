import { sessionsOf } from '../checks/sessions.ts';
import type { FaultRecord, History, Operation } from '../history.ts';

/** What a fault could have broken, in the moment in which it began. */
export interface AtRisk {
  fault: string;
  /** Milliseconds since the run began. */
  start: number;
  /** Requests that had been sent and not answered. */
  underWay: number;
  /** Sessions that were logged in. */
  sessionsOpen: number;
  /** Answers that its targets had given before; null for what is no replica. */
  served: { target: string; answers: number | null }[];
}

/** Says for each fault what was at risk: a fault that met an idle replica proves nothing. */
export function atRiskOf({ operations, faults, replicas }: History): AtRisk[] {
  const sessions = sessionsOf(operations);
  const names = new Set(replicas);
  for (const { replica } of operations) if (replica !== null) names.add(replica);
  return faults.map(({ fault, start, targets }) => ({
    fault,
    start,
    underWay: operations.filter((operation) => operation.start < start && operation.end >= start).length,
    sessionsOpen: sessions.filter(({ login, endAskedAt }) => login && login.end <= start && start < endAskedAt).length,
    served: servedBefore({ start, targets }, operations, names),
  }));
}

function servedBefore(
  { start, targets }: Pick<FaultRecord, 'start' | 'targets'>,
  operations: Operation[],
  names: Set<string>,
): AtRisk['served'] {
  const answers = new Map<string, number>(targets.filter((target) => names.has(target)).map((target) => [target, 0]));
  for (const { replica, end } of operations) {
    if (replica === null || end >= start) continue;
    const before = answers.get(replica);
    if (before !== undefined) answers.set(replica, before + 1);
  }
  return targets.map((target) => ({ target, answers: answers.get(target) ?? null }));
}
