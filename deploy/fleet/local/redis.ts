import { FleetError, type Part, type RedisPart, type Settings } from '../fleet.ts';
import type { Servers } from '../process.ts';
import { pingRedis, readRedisInfo, redisReportOf } from '../probe-redis.ts';
import { requireRunning } from './servers.ts';
import { createDiskFaults } from './disk-faults.ts';

const timeoutMs = 5000;

/** The Redis of a local fleet: a part whose parameters and, if processes can be traced, disk can be changed. */
export function createLocalRedis(
  part: Part,
  port: number,
  folder: string,
  servers: Servers,
  canTrace: boolean,
): RedisPart {
  const disk = createDiskFaults(() => requireRunning(servers, 'redis').pid, folder, servers.start);
  return {
    ...part,
    ping: (ms) => pingRedis(port, ms),
    report: (ms) => readRedisInfo(port, ms).then((info) => (info === null ? null : redisReportOf(info))),
    configure: (parameter, value) => configure(port, parameter, value),
    // A restarted Redis has its normal disk again.
    ...(canTrace && { slowDisk: disk.slow, fillDisk: disk.fill }),
  };
}

/** @returns the previous value @throws {FleetError} with Redis's error, or after 5 s without an answer */
export async function configure(port: number, parameter: string, value: string): Promise<string> {
  try {
    const former = (await askOnce(port, ['CONFIG', 'GET', parameter])) as Record<string, string>;
    await askOnce(port, ['CONFIG', 'SET', parameter, value]);
    return String(former[parameter]);
  } catch (cause) {
    throw new FleetError(`redis: CONFIG SET ${parameter} ${value}: ${(cause as Error).message}`, [], { cause });
  }
}

/** A Redis of several servers. */
export interface ManagedRedis {
  /** The primary, whichever server that is, for commands and faults. */
  part: RedisPart;
  /** The name of the server that is the primary now. */
  primary(): Promise<string>;
  /** What replicas of the app need to know. */
  settings: Settings;
  /** What the report of a start says of them. */
  servers: string;
  start(): Promise<void>;
  /** Before the servers end: remembers which was the primary, whose data are the newest. */
  remember(): Promise<void>;
}

/** The servers of a Redis by their ports: redis-1, redis-2, … */
export const namesOf = (ports: number[]) => ({
  nameOf: (port: number) => `redis-${ports.indexOf(port) + 1}`,
  portOf: (server: string) => ports[Number(server.slice(-1)) - 1] as number,
});

/** Sends one command to the Redis, or the sentinel, at a port. @throws its error, or after 5 s without an answer */
export async function askOnce(port: number, command: string[]): Promise<unknown> {
  const [reply] = await askAll(port, [command]);
  return reply;
}

/** The same for several commands, over one connection. */
export async function askAll(port: number, commands: string[][]): Promise<unknown[]> {
  const { createClient } = await import('redis'); // takes 150 ms to load, and few commands need it
  const socket = { host: '127.0.0.1', port, reconnectStrategy: false as const, connectTimeout: timeoutMs };
  const client = createClient({ socket });
  client.on('error', () => {}); // the calls below reject
  const late = setTimeout(() => client.isOpen && client.destroy(), timeoutMs); // a paused Redis accepts and never answers
  try {
    await client.connect();
    return await Promise.all(commands.map((command) => client.sendCommand(command)));
  } finally {
    clearTimeout(late);
    if (client.isOpen) client.destroy();
  }
}
