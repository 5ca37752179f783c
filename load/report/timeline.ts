import type { History, Operation } from '../history.ts';

/** What happened in each stretch of a run. All lists have one entry a bucket; bucket 0 begins with the run. */
export interface Timeline {
  bucketSeconds: number;
  /** Requests that ended, a second. */
  requests: number[];
  /** Those of them that did not succeed, a second. */
  failed: number[];
  /** Milliseconds from request to answer of what succeeded; null where nothing did. */
  p50: (number | null)[];
  p99: (number | null)[];
  /** Answers a second of every replica that there was at the start or that answered later, in natural order. */
  replicas: { name: string; answers: number[] }[];
}

export const mostBuckets = 600;

/** Sums a run up in buckets of 1 s, or 2, 5, 10 … s where it is so long that there would be more than `mostBuckets`. */
export function timelineOf({ operations, replicas }: Pick<History, 'operations' | 'replicas'>): Timeline {
  let lastMs = 0;
  for (const { end } of operations) if (end > lastMs) lastMs = end;
  const bucketSeconds = bucketSecondsOf(lastMs / 1000);
  const buckets = operations.length === 0 ? 0 : Math.floor(lastMs / 1000 / bucketSeconds) + 1;
  const bucketOf = (operation: Operation) => Math.max(0, Math.floor(operation.end / 1000 / bucketSeconds));

  const requests = new Float64Array(buckets);
  const failed = new Float64Array(buckets);
  const answers = new Map(replicas.map((name) => [name, new Float64Array(buckets)]));
  for (const operation of operations) {
    const bucket = bucketOf(operation);
    increment(requests, bucket);
    // A session that was ended refuses with 401, and rightly so.
    if (operation.outcome !== 'ok' && operation.status !== 401) increment(failed, bucket);
    if (operation.replica === null) continue;
    const served = answers.get(operation.replica) ?? new Float64Array(buckets);
    increment(served, bucket);
    answers.set(operation.replica, served);
  }

  const latencies = latenciesOf(operations, requests, failed, bucketOf);
  const perSecond = (counts: Float64Array) => Array.from(counts, (count) => rounded(count / bucketSeconds));
  return {
    bucketSeconds,
    requests: perSecond(requests),
    failed: perSecond(failed),
    p50: latencies.map((sorted) => at(sorted, 0.5)),
    p99: latencies.map((sorted) => at(sorted, 0.99)),
    replicas: [...answers]
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([name, served]) => ({ name, answers: perSecond(served) })),
  };
}

function bucketSecondsOf(seconds: number): number {
  for (let power = 1; ; power *= 10)
    for (const step of [1, 2, 5]) if (seconds < step * power * mostBuckets) return step * power;
}

/** Sorted latencies of what succeeded, a list a bucket. */
function latenciesOf(
  operations: Operation[],
  requests: Float64Array,
  failed: Float64Array,
  bucketOf: (operation: Operation) => number,
): Float64Array[] {
  const ends = new Uint32Array(requests.length);
  const latencies: Float64Array[] = [];
  for (const [bucket, count] of requests.entries())
    latencies.push(new Float64Array(count - (failed[bucket] as number)));
  for (const operation of operations) {
    if (operation.outcome !== 'ok') continue;
    const bucket = bucketOf(operation);
    const position = ends[bucket] as number;
    (latencies[bucket] as Float64Array)[position] = operation.end - operation.start;
    ends[bucket] = position + 1;
  }
  for (const list of latencies) list.sort();
  return latencies;
}

function at(sorted: Float64Array, part: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return value === undefined ? null : rounded(value);
}

function increment(counts: Float64Array, bucket: number): void {
  counts[bucket] = (counts[bucket] ?? 0) + 1;
}

/** Two decimals: more of them are noise, and make the report large. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
