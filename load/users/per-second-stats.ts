import type { SecondSeen } from '../deploy/room/visitors.ts';
import type { Operation } from './history.ts';

/** What users saw, second by second, of the last minutes alone: they may be busy for hours. */
export interface Tally {
  /** Takes operations over, and forgets them. `offset` leads from their clock to milliseconds since 1970. */
  add(operations: Iterable<Operation>, offset: number): void;
  /** Seconds that have ended, oldest first; one in which nothing ended is among them. */
  seconds(): SecondSeen[];
  readonly requests: number;
  readonly failed: number;
}

interface Bucket {
  requests: number;
  failed: number;
  latencies: number[];
}

const length = 300;

/** @param now in milliseconds since 1970 */
export function createTally(now = Date.now): Tally {
  const first = Math.floor(now() / 1000);
  const open = new Map<number, Bucket>();
  let ended: SecondSeen[] = [];
  let next = first;
  let [requests, failed] = [0, 0];

  /** No operation is added to a second that has ended: each ends in the present one. */
  function endSeconds(): void {
    const present = Math.floor(now() / 1000);
    next = Math.max(next, present - length);
    for (; next < present; next++) {
      ended.push(summed(next, open.get(next)));
      open.delete(next);
    }
    ended = ended.slice(-length);
  }

  return {
    add(operations, offset) {
      for (const operation of operations) {
        const at = Math.max(next, Math.floor((operation.end + offset) / 1000));
        const bucket = open.get(at) ?? { requests: 0, failed: 0, latencies: [] };
        open.set(at, bucket);
        count(bucket, operation);
        requests += 1;
        if (isFailure(operation)) failed += 1;
      }
      endSeconds();
    },
    seconds: () => ended,
    get requests() {
      return requests;
    },
    get failed() {
      return failed;
    },
  };
}

function count(bucket: Bucket, operation: Operation): void {
  const { outcome, start, end } = operation;
  bucket.requests += 1;
  if (isFailure(operation)) bucket.failed += 1;
  if (outcome === 'ok') bucket.latencies.push(end - start);
}

/** A session that was ended refuses with 401, and rightly so; a connection may be closed between two requests. */
function isFailure({ outcome, status, error }: Operation): boolean {
  return outcome !== 'ok' && status !== 401 && error !== 'closed';
}

function summed(at: number, bucket: Bucket | undefined): SecondSeen {
  if (!bucket) return { at, requests: 0, failed: 0, p50: null, p99: null };
  const { requests, failed, latencies } = bucket;
  const sorted = Float64Array.from(latencies).sort();
  const part = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  return { at, requests, failed, p50: part(0.5), p99: part(0.99) };
}
