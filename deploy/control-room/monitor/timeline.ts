import type { Point } from '../protocol.ts';
import type { SecondStats } from '../users.ts';
import { type Metrics, readPoints, spanSeconds, unknown } from './replica-metrics.ts';

const maxSeconds = 300;

/**
 * The last minutes, a point per second: as measured by the users if there were any, else by the replicas. Without viewers
 * nothing is recorded; `catchUp` then reads what the users and Prometheus remember.
 */
export interface Timeline {
  readonly points: Point[];
  /** Fills in the time without viewers. Never rejects: what is not remembered stays empty. */
  catchUp(users: SecondStats[], prometheus: string | undefined): Promise<void>;
  /** Adds and returns the seconds that ended since the last call. */
  advance(users: SecondStats[], metrics: Metrics | null | undefined): Point[];
}

export function createTimeline(now = () => Math.floor(Date.now() / 1000)): Timeline {
  let points: Point[] = [];
  let next = now();
  /** The last second that the users measured. */
  let lastByUsers = Number.NEGATIVE_INFINITY;

  function advance(users: SecondStats[], metrics: Metrics | null | undefined): Point[] {
    const from = Math.max(next, now() - maxSeconds);
    const bySecond = new Map(users.filter(({ at }) => at >= from).map((second) => [second.at, second]));
    const fresh: Point[] = [];
    for (let at = from; at < now(); at++) {
      const second = bySecond.get(at);
      if (second) {
        fresh.push({ ...second, by: 'users' });
        lastByUsers = at;
      } else if (metrics && !isOverlapping(at, lastByUsers)) fresh.push({ at, ...metrics.total, by: 'replicas' });
      else fresh.push({ at, ...unknown, by: null });
    }
    next = Math.max(next, now());
    points = [...points, ...fresh].slice(-maxSeconds);
    return fresh;
  }

  return {
    get points() {
      return points;
    },
    async catchUp(users, prometheus) {
      const end = now();
      const start = end - maxSeconds;
      const measured = prometheus === undefined ? [] : await readPoints(prometheus, start, end - 1).catch(() => []);
      points = mergePoints(
        measured,
        users.filter(({ at }) => at >= start && at < end),
      );
      lastByUsers = points.findLast(({ by }) => by === 'users')?.at ?? Number.NEGATIVE_INFINITY;
      next = end;
    },
    advance,
  };
}

/** The rates of replicas are of some seconds: in this one they contain what the users have counted already. */
const isOverlapping = (at: number, lastByUsers: number) => at > lastByUsers && at <= lastByUsers + spanSeconds;

/** Both in the order of their times: what the users measured, and what the replicas did while there were no users. */
export function mergePoints(measured: Point[], users: SecondStats[]): Point[] {
  const known = new Map(measured.map((point) => [point.at, point]));
  for (const second of users) known.set(second.at, { ...second, by: 'users' });
  let lastByUsers = Number.NEGATIVE_INFINITY;
  return [...known.values()]
    .sort((a, b) => a.at - b.at)
    .filter(({ at, by }) => {
      if (by === 'users') lastByUsers = at;
      return by === 'users' || !isOverlapping(at, lastByUsers);
    });
}
