import type { Figures } from './figures.ts';
import { readPoints } from './figures.ts';
import type { Point } from './view.ts';
import type { SecondSeen } from './visitors.ts';

/** How far back it goes, in seconds. */
const length = 300;

/**
 * The last minutes, a point a second: as the users saw it where there were any, else as the replicas measured it. While
 * nobody looks nothing is recorded; what is missing then is read from what the users and Prometheus remember.
 */
export interface Timeline {
  readonly points: Point[];
  /** Fills in what happened while nobody looked. Never rejects: what nobody remembers stays out. */
  catchUp(users: SecondSeen[], prometheus: string | undefined): Promise<void>;
  /** Adds the seconds that have ended since. @returns them */
  goOn(users: SecondSeen[], figures: Figures | null | undefined): Point[];
}

export function createTimeline(now = () => Math.floor(Date.now() / 1000)): Timeline {
  let points: Point[] = [];
  let next = now();

  function goOn(users: SecondSeen[], figures: Figures | null | undefined): Point[] {
    const from = Math.max(next, now() - length);
    const seen = new Map(users.filter(({ at }) => at >= from).map((second) => [second.at, second]));
    const fresh: Point[] = [];
    for (let at = from; at < now(); at++) {
      const second = seen.get(at);
      if (second) fresh.push(byUsers(second));
      else if (figures) fresh.push({ at, ...figures.total, by: 'replicas' });
      else fresh.push({ at, requests: null, failed: null, p50: null, p99: null, by: null });
    }
    next = Math.max(next, now());
    points = [...points, ...fresh].slice(-length);
    return fresh;
  }

  return {
    get points() {
      return points;
    },
    async catchUp(users, prometheus) {
      const end = now();
      const start = end - length;
      const measured = prometheus === undefined ? [] : await readPoints(prometheus, start, end - 1).catch(() => []);
      const known = new Map(measured.map((point) => [point.at, point]));
      for (const second of users) if (second.at >= start && second.at < end) known.set(second.at, byUsers(second));
      points = [...known.values()].sort((a, b) => a.at - b.at);
      next = end;
    },
    goOn,
  };
}

function byUsers({ at, requests, failed, p50, p99 }: SecondSeen): Point {
  return { at, requests, failed, p50, p99, by: 'users' };
}
