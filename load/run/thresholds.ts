import { formatDuration } from '../../web/format.ts';
import type { CheckResult, Judgement } from '../checks/judgement.ts';

/** What a run may take, beside what its faults may cost; in milliseconds. */
export interface Thresholds {
  /** Of the response times of all successes. */
  maxP99?: number | undefined;
  /** The longest time in which users waited and none got a success, outside what a fault's budget excuses. */
  maxStall?: number | undefined;
}

/** Adds a check for each threshold that is set. One that is exceeded fails the run. */
export function applyThresholds(judgement: Judgement, { maxP99, maxStall }: Thresholds): Judgement {
  const { latencyMs, longestStallMs, requests } = judgement;
  const added = [
    threshold('max-p99', 'p99', latencyMs.p99, maxP99, requests.ok),
    threshold('max-stall', 'longest stall', longestStallMs, maxStall, requests.ok),
  ].filter((check) => check !== undefined);
  const exceeded = added.flatMap(({ violations }) => violations.map(({ summary }) => summary));
  if (added.length === 0) return judgement;
  const checks = [...judgement.checks, ...added];
  if (exceeded.length === 0) return { ...judgement, checks };
  const reasons = judgement.verdict === 'fail' ? [...judgement.reasons, ...exceeded] : exceeded;
  return { ...judgement, checks, verdict: 'fail', reasons };
}

function threshold(
  name: string,
  what: string,
  value: number,
  limit: number | undefined,
  checked: number,
): CheckResult | undefined {
  if (limit === undefined) return undefined;
  const isExceeded = value > limit;
  const summary = `${what} ${formatDuration(value)}, above ${formatDuration(limit)}`;
  return {
    name,
    holds: `${what} at most ${formatDuration(limit)}`,
    title: `${what} above ${formatDuration(limit)}`,
    about: `The limit that --${name} sets.`,
    count: isExceeded ? 1 : 0,
    checked,
    violations: isExceeded ? [{ summary, operations: [] }] : [],
  };
}
