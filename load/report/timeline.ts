import { arrivedAt } from '../checks/service.ts';
import type { History } from '../users/history.ts';
import { isFailure, percentile } from '../users/outcome.ts';

/** A run in buckets of equal length. All lists have one entry per bucket; bucket 0 starts with the run. */
export interface Timeline {
  bucketSeconds: number;
  /** Until every user had logged in: responses take longer then, and requests are more. */
  warmUpSeconds: number;
  /** Requests per second that ended. */
  requests: number[];
  /** Requests per second that failed. */
  failed: number[];
  /** Response times of successes, in milliseconds; null without a success. */
  p50: (number | null)[];
  p99: (number | null)[];
  /** Responses per second of every replica of the start or that answered later, in natural order. */
  replicas: { name: string; answers: number[] }[];
}

export const maxBuckets = 600;

/** Summarises a run in buckets of 1 s, or 2, 5, 10 … s if there would be more than `maxBuckets`. */
export function timelineOf({ operations, replicas }: Pick<History, 'operations' | 'replicas'>): Timeline {
  let lastMs = 0;
  for (const { end } of operations) if (end > lastMs) lastMs = end;
  const bucketSeconds = bucketSecondsOf(lastMs / 1000);
  const length = operations.length === 0 ? 0 : Math.floor(lastMs / 1000 / bucketSeconds) + 1;

  const requests = new Float64Array(length);
  const failed = new Float64Array(length);
  const latencies = Array.from({ length }, (): number[] => []);
  const answers = new Map(replicas.map((name) => [name, new Float64Array(length)]));
  for (const operation of operations) {
    const bucket = Math.max(0, Math.floor(operation.end / 1000 / bucketSeconds));
    increment(requests, bucket);
    if (isFailure(operation)) increment(failed, bucket);
    if (operation.outcome === 'ok') latencies[bucket]?.push(operation.end - operation.start);
    if (operation.replica === null) continue;
    const served = answers.get(operation.replica) ?? new Float64Array(length);
    increment(served, bucket);
    answers.set(operation.replica, served);
  }

  const sorted = latencies.map((list) => Float64Array.from(list).sort());
  const perSecond = (counts: Float64Array) => Array.from(counts, (count) => round(count / bucketSeconds));
  return {
    bucketSeconds,
    warmUpSeconds: round(arrivedAt(operations) / 1000),
    requests: perSecond(requests),
    failed: perSecond(failed),
    p50: sorted.map((list) => roundOrNull(percentile(list, 0.5))),
    p99: sorted.map((list) => roundOrNull(percentile(list, 0.99))),
    replicas: [...answers]
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([name, served]) => ({ name, answers: perSecond(served) })),
  };
}

function bucketSecondsOf(seconds: number): number {
  for (let power = 1; ; power *= 10)
    for (const step of [1, 2, 5]) if (seconds < step * power * maxBuckets) return step * power;
}

function increment(counts: Float64Array, bucket: number): void {
  counts[bucket] = (counts[bucket] ?? 0) + 1;
}

/** Two decimals: more of them are noise, and enlarge the report. */
const round = (value: number) => Math.round(value * 100) / 100;
const roundOrNull = (value: number | null) => (value === null ? null : round(value));
