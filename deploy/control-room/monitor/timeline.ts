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
  let lastByUsers = Number.NEGATIVE_INFINITY;
  /** The rates of the replicas still contain what the users have counted already. */
  const isOfUsers = (at: number) => at <= lastByUsers + spanSeconds;

  function advance(users: SecondStats[], metrics: Metrics | null | undefined): Point[] {
    const from = Math.max(next, now() - maxSeconds);
    const bySecond = new Map(users.filter(({ at }) => at >= from).map((second) => [second.at, second]));
    const fresh: Point[] = [];
    for (let at = from; at < now(); at++) {
      const second = bySecond.get(at);
      if (second) {
        fresh.push({ ...second, by: 'users' });
        lastByUsers = at;
      } else if (metrics && !isOfUsers(at)) fresh.push({ at, ...metrics.total, by: 'replicas' });
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
      const known = new Map(measured.map((point) => [point.at, point]));
      for (const second of users) {
        if (second.at < start || second.at >= end) continue;
        known.set(second.at, { ...second, by: 'users' });
        lastByUsers = second.at;
      }
      for (const { at, by } of known.values())
        if (by === 'replicas' && isOfUsers(at) && users.length > 0) known.delete(at);
      points = [...known.values()].sort((a, b) => a.at - b.at);
      next = end;
    },
    advance,
  };
}
