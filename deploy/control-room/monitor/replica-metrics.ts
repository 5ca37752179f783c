import { askNow, askRange, type Series } from './prometheus.ts';
import type { Point } from './view.ts';

/** What a replica measures of itself; null where it does not say. */
export interface ReplicaFigures {
  perSecond: number | null;
  p50: number | null;
  p99: number | null;
  inFlight: number | null;
  /** In the last hour. */
  restarts: number | null;
  store: string | null;
  version: string | null;
}

export interface Figures {
  replicas: Map<string, ReplicaFigures>;
  /** How many have a connection to Redis. */
  connected: number | null;
  /** Of all of them together. */
  total: Omit<Point, 'at' | 'by'>;
}

/** Scraped each second: short enough to follow, long enough for several samples. */
const span = '[5s]';
const rateOf = (labels: string, by = '') => `sum${by}(rate(http_requests_total${labels}${span}))`;
const quantile = (part: number, by: string) =>
  `1000 * histogram_quantile(${part}, sum by (${by}) (rate(http_request_duration_seconds_bucket${span})))`;
/** Prometheus remembers replicas of earlier fleets; those of today are its targets. */
const present = 'and on (instance) up{job="replicas"}';

const perReplica = {
  perSecond: rateOf('', ' by (replica) '),
  p50: quantile(0.5, 'replica, le'),
  p99: quantile(0.99, 'replica, le'),
  inFlight: 'sum by (replica) (http_requests_in_flight)',
  restarts: `sum by (replica) (changes(process_start_time_seconds[1h]) ${present})`,
  build: 'count by (replica, store, version) (unsticky_build_info)',
};

const connected = { connected: 'sum(session_store_up)' };

const inAll = {
  requests: rateOf(''),
  failed: `(${rateOf('{status="5xx"}')} or vector(0))`,
  p50All: quantile(0.5, 'le'),
  p99All: quantile(0.99, 'le'),
};

/** @throws {Error} in words, where Prometheus does not answer */
export async function readFigures(prometheus: string): Promise<Figures> {
  const series = await askNow(prometheus, { ...perReplica, ...connected, ...inAll });
  const replicas = new Map<string, ReplicaFigures>();
  const total: Figures['total'] = { requests: null, failed: null, p50: null, p99: null };
  let connections: number | null = null;
  for (const { labels, values } of series) {
    const { figure = '', replica, store, version } = labels;
    const value = numberOf(values[0]?.[1]);
    if (figure in inAll) Object.assign(total, { [figure.replace('All', '')]: value });
    if (figure in connected) connections = value;
    if (replica === undefined) continue;
    const known = replicas.get(replica) ?? unknown();
    replicas.set(replica, known);
    if (figure === 'build') Object.assign(known, { store: store ?? null, version: version ?? null });
    else if (figure in perReplica) Object.assign(known, { [figure]: value });
  }
  if (total.requests === null) total.failed = null; // nobody says anything, so nobody says that nothing failed
  return { replicas, connected: connections, total };
}

/** The timeline as the replicas measured it. @throws {Error} as above */
export async function readPoints(prometheus: string, start: number, end: number): Promise<Point[]> {
  const series = await askRange(prometheus, inAll, start, end);
  const points = new Map<number, Point>();
  for (const [at, figure, value] of series.flatMap(timed)) {
    const point = points.get(at) ?? { at, requests: null, failed: null, p50: null, p99: null, by: 'replicas' };
    points.set(at, { ...point, [figure]: value });
  }
  // Without requests there was no fleet: then nothing failed either.
  return [...points.values()].filter(({ requests }) => requests !== null);
}

function timed({ labels, values }: Series): [number, string, number | null][] {
  const figure = (labels.figure ?? '').replace('All', '');
  return values.map(([at, value]) => [Math.round(at), figure, numberOf(value)]);
}

/** Of no requests at all Prometheus says that half took NaN. */
function numberOf(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

function unknown(): ReplicaFigures {
  return { perSecond: null, p50: null, p99: null, inFlight: null, restarts: null, store: null, version: null };
}
