import type { Judgement } from '../checks/judgement.ts';
import type { History } from '../history.ts';
import { type AtRisk, atRiskOf } from './at-risk.ts';
import { type Timeline, timelineOf } from './timeline.ts';

/** What report.json holds: all of a run but its requests. `report.schema.json` describes it, and a test compares them. */
export interface Report extends Omit<History, 'format' | 'operations' | 'faults'>, Judgement {
  schemaVersion: 1;
  /** How long it took, in seconds. */
  seconds: number;
  atRisk: AtRisk[];
  timeline: Timeline;
}

/** Sums a judged run up, for machines to read and for the page to be drawn from. Pure. */
export function toReport(history: History, judgement: Judgement): Report {
  const { format: _, operations, faults: __, ...known } = history;
  return {
    schemaVersion: 1,
    ...known,
    seconds: runSecondsOf(history),
    ...judgement,
    atRisk: atRiskOf(history),
    timeline: timelineOf(history),
  };
}

/** To the last thing that was recorded. */
function runSecondsOf({ operations, faults }: History): number {
  let lastMs = 0;
  for (const { end } of operations) lastMs = Math.max(lastMs, end);
  for (const { start, end } of faults) lastMs = Math.max(lastMs, end ?? start);
  return Math.round(lastMs) / 1000;
}
