import { formatNumber } from '../../web/format.ts';
import type { Table } from './bench.ts';

/** What one request or session takes, as measured. */
export interface Costs {
  read: Cost;
  write: Cost;
  /** Of Redis's memory. */
  bytesPerSession: number;
}

export interface Cost {
  /** CPU time of the replicas, and of Redis. */
  cpuMicros: number;
  redisMicros: number;
  redisCommands: number;
}

/** How sessions are used: others can put in their own figures. */
export const usage = {
  /** Of each session that is alive. */
  requestsPerMinute: 1,
  /** Of the requests. */
  writes: 0.1,
  /** How busy a core may be on average. */
  load: 0.6,
};

export interface Capacity {
  sessions: number;
  requestsPerSecond: number;
  /** Each with a core of its own. */
  replicas: number;
  redisGigabytes: number;
  redisCommandsPerSecond: number;
  /** Redis runs commands on one core: above 1 it takes more than one Redis. */
  redisServers: number;
}

/** What so many sessions need. */
export function capacityFor(sessions: number, costs: Costs): Capacity {
  const requestsPerSecond = (sessions * usage.requestsPerMinute) / 60;
  const mean = (figure: keyof Cost) => (1 - usage.writes) * costs.read[figure] + usage.writes * costs.write[figure];
  const coresFor = (figure: 'cpuMicros' | 'redisMicros') => (requestsPerSecond * mean(figure)) / 1e6 / usage.load;
  return {
    sessions,
    requestsPerSecond,
    replicas: Math.ceil(coresFor('cpuMicros')),
    redisGigabytes: (sessions * costs.bytesPerSession) / 1e9,
    redisCommandsPerSecond: requestsPerSecond * mean('redisCommands'),
    redisServers: coresFor('redisMicros'),
  };
}

/** How many sessions make one Redis as busy as it may be. */
export function sessionsOfOneRedis(costs: Costs): number {
  return 1 / capacityFor(1, costs).redisServers;
}

export function capacityTable(costs: Costs): Table {
  const rounded = (value: number) => formatNumber(Number(value.toPrecision(2)));
  return {
    columns: [
      'sessions',
      'requests per second',
      'replicas',
      'Redis memory',
      'Redis commands per second',
      'Redis servers',
    ],
    rows: [1e5, 1e6, sessionsOfOneRedis(costs), 1e8].map((sessions) => {
      const need = capacityFor(sessions, costs);
      return [
        rounded(sessions),
        rounded(need.requestsPerSecond),
        rounded(need.replicas),
        `${rounded(need.redisGigabytes)} GB`,
        rounded(need.redisCommandsPerSecond),
        need.redisServers > 1.001
          ? formatNumber(Math.ceil(need.redisServers))
          : `1, its core ${rounded(100 * usage.load * need.redisServers)} % busy`,
      ];
    }),
  };
}

export const aboutCapacity =
  `Computed from these costs for ${usage.requestsPerMinute} request per session and minute, ${100 * usage.writes} % of them writes, ` +
  `and cores that are ${100 * usage.load} % busy. The third row is the most that one Redis serves. It was measured without its append-only file.`;
