import type { Judgement } from '../checks/judgement.ts';
import type { History } from '../users/history.ts';
import { type AtRisk, atRiskOf } from './at-risk.ts';
import { type Timeline, timelineOf } from './timeline.ts';

/** The content of report.json: everything about a run except its requests. A test holds it against `report.schema.json`. */
export interface Report extends Omit<History, 'format' | 'operations' | 'faults' | 'streams'>, Judgement {
  schemaVersion: 2;
  /** Duration in seconds. */
  seconds: number;
  atRisk: AtRisk[];
  timeline: Timeline;
}

/** Summarises a judged run, for machines and for the page. Pure. */
export function toReport(history: History, judgement: Judgement): Report {
  const { format: _, operations, faults: __, streams: ___, ...facts } = history;
  return {
    schemaVersion: 2,
    ...facts,
    seconds: runSecondsOf(history),
    ...judgement,
    atRisk: atRiskOf(history),
    timeline: timelineOf(history),
  };
}

/** Until the last record. */
function runSecondsOf({ operations, faults }: History): number {
  let lastMs = 0;
  for (const { end } of operations) lastMs = Math.max(lastMs, end);
  for (const { start, end } of faults) lastMs = Math.max(lastMs, end ?? start);
  return Math.round(lastMs) / 1000;
}
