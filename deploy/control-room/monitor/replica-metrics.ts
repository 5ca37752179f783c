import type { Point, ReplicaMetrics } from '../protocol.ts';
import { query } from './prometheus.ts';

export interface Metrics {
  replicas: Map<string, ReplicaMetrics>;
  /** Of all replicas together. */
  total: Omit<Point, 'at' | 'by'>;
}

export const noMetrics: ReplicaMetrics = {
  perSecond: null,
  failedPerSecond: null,
  p50: null,
  p99: null,
  inFlight: null,
  restarts: null,
  connected: null,
  store: null,
  version: null,
};

/** Short enough to follow changes, long enough for several samples of one second. */
export const spanSeconds = 5;
const span = `[${spanSeconds}s]`;
const rateOf = (labels: string, by = '') => `sum${by}(rate(http_requests_total${labels}${span}))`;
const quantile = (part: number, by: string) =>
  `1000 * histogram_quantile(${part}, sum by (${by}) (rate(http_request_duration_seconds_bucket${span})))`;
/** Prometheus remembers replicas of earlier fleets; the present ones are its targets. */
const present = 'and on (instance) up{job="replicas"}';

const perReplica = {
  perSecond: rateOf('', ' by (replica) '),
  failedPerSecond: rateOf('{status="5xx"}', ' by (replica) '),
  p50: quantile(0.5, 'replica, le'),
  p99: quantile(0.99, 'replica, le'),
  inFlight: 'sum by (replica) (http_requests_in_flight)',
  restarts: `sum by (replica) (changes(process_start_time_seconds[1h]) ${present})`,
  connected: 'max by (replica) (session_store_up)',
  build: 'count by (replica, store, version) (unsticky_build_info)',
};

const ofAll = {
  requests: rateOf(''),
  failed: `(${rateOf('{status="5xx"}')} or vector(0))`,
  p50: quantile(0.5, 'le'),
  p99: quantile(0.99, 'le'),
};

/** @throws {Error} with a readable message if Prometheus does not answer */
export async function readMetrics(prometheus: string): Promise<Metrics> {
  const series = await query(prometheus, [perReplica, ofAll]);
  const replicas = new Map<string, ReplicaMetrics>();
  const total: Metrics['total'] = { requests: null, failed: null, excused: null, p50: null, p99: null };
  for (const { labels, values } of series) {
    const { metric = '', replica, store = null, version = null } = labels;
    const value = metric === 'build' ? { store, version } : { [metric]: numberOf(values[0]?.[1]) };
    if (replica === undefined) Object.assign(total, value);
    else replicas.set(replica, { ...(replicas.get(replica) ?? noMetrics), ...value });
  }
  if (total.requests === null) total.failed = null; // without data, failures are unknown, not 0
  return { replicas, total };
}

export const unknown = { requests: null, failed: null, excused: null, p50: null, p99: null };

/** The timeline as the replicas measured it. @throws {Error} as `readMetrics` */
export async function readPoints(prometheus: string, start: number, end: number): Promise<Point[]> {
  const series = await query(prometheus, [ofAll], { start, end });
  const points = new Map<number, Point>();
  for (const { labels, values } of series)
    for (const [moment, value] of values) {
      const at = Math.round(moment);
      const point = points.get(at) ?? { at, ...unknown, by: 'replicas' as const };
      points.set(at, { ...point, [labels.metric ?? '']: numberOf(value) });
    }
  // Seconds without a request rate had no fleet.
  return [...points.values()].filter(({ requests }) => requests !== null);
}

/** Without requests, Prometheus's quantiles are NaN. */
function numberOf(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
