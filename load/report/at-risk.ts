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
  const lives = livesOf(operations);
  const names = new Set(replicas);
  for (const { replica } of operations) if (replica !== null) names.add(replica);
  return faults.map(({ fault, start, targets }) => ({
    fault,
    start,
    underWay: operations.reduce(
      (sum, operation) => sum + (operation.start < start && operation.end >= start ? 1 : 0),
      0,
    ),
    sessionsOpen: lives.reduce((sum, life) => sum + (life.from <= start && life.to > start ? 1 : 0), 0),
    served: servedBefore({ start, targets }, operations, names),
  }));
}

interface Life {
  from: number;
  to: number;
}

/** From when to when each session was known to be logged in. */
function livesOf(operations: Operation[]): Life[] {
  const lives = new Map<string, Life>();
  for (const { kind, outcome, session, end } of operations) {
    if (kind !== 'login' || outcome !== 'ok') continue;
    const life = lives.get(session);
    if (!life) lives.set(session, { from: end, to: Infinity });
    else life.from = Math.min(life.from, end);
  }
  for (const { kind, outcome, session, ends = [], start } of operations) {
    if ((kind !== 'logout' && kind !== 'logout-everywhere') || outcome === 'fail') continue;
    for (const ended of [session, ...ends]) {
      const life = lives.get(ended);
      if (life) life.to = Math.min(life.to, start);
    }
  }
  return [...lives.values()];
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
