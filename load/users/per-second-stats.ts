import type { SecondStats } from '../../deploy/control-room/users.ts';
import type { FaultRecord, Operation } from './history.ts';
import { isExcused, isFailure, percentile } from './outcome.ts';

/** What users observed in each second of the last minutes; older seconds are dropped, since users may be busy for hours. */
export interface PerSecondStats {
  /** Counts operations and forgets them. `offset` converts their times to milliseconds since 1970. */
  add(operations: Iterable<Operation>, offset: number): void;
  /** Every second that has ended, oldest first, also those without a request. */
  seconds(): SecondStats[];
  readonly requests: number;
  /** Failures that a fault does not excuse. */
  readonly failed: number;
  readonly excused: number;
}

interface Bucket {
  requests: number;
  failed: number;
  excused: number;
  latencies: number[];
}

const maxSeconds = 300;

/** @param faults of the plan, which excuse failures @param now in milliseconds since 1970 */
export function createPerSecondStats(faults: readonly FaultRecord[] = [], now = Date.now): PerSecondStats {
  const first = Math.floor(now() / 1000);
  const open = new Map<number, Bucket>();
  let ended: SecondStats[] = [];
  let next = first;

  /** Closes the seconds before the present one; no operation is added to them later. */
  function endSeconds(): void {
    const present = Math.floor(now() / 1000);
    next = Math.max(next, present - maxSeconds);
    for (; next < present; next++) {
      ended.push(summarize(next, open.get(next)));
      open.delete(next);
    }
    ended = ended.slice(-maxSeconds);
  }

  const stats = {
    requests: 0,
    failed: 0,
    excused: 0,
    seconds: () => ended,
    add(operations: Iterable<Operation>, offset: number): void {
      for (const operation of operations) {
        const at = Math.max(next, Math.floor((operation.end + offset) / 1000));
        const bucket = open.get(at) ?? { requests: 0, failed: 0, excused: 0, latencies: [] };
        open.set(at, bucket);
        bucket.requests += 1;
        stats.requests += 1;
        if (operation.outcome === 'ok') bucket.latencies.push(operation.end - operation.start);
        if (!isFailure(operation)) continue;
        const as = faults.some((fault) => isExcused(operation, fault)) ? 'excused' : 'failed';
        bucket[as] += 1;
        stats[as] += 1;
      }
      endSeconds();
    },
  };
  return stats;
}

function summarize(at: number, bucket: Bucket | undefined): SecondStats {
  if (!bucket) return { at, requests: 0, failed: 0, excused: 0, p50: null, p99: null };
  const { requests, failed, excused, latencies } = bucket;
  const sorted = Float64Array.from(latencies).sort();
  return { at, requests, failed, excused, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
}
