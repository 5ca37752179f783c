import { FleetError, type Part, type RedisPart } from './fleet.ts';
import type { StartServer } from './local-servers.ts';
import type { ServerProcess } from './process.ts';
import { pingRedis } from './redis-ping.ts';
import { createSlowDisk } from './slow-disk.ts';

const answerMs = 5000;

/** The Redis of a local fleet: a part like others, whose parameters and whose disk can be changed. */
export function createRedisPart(
  part: Part,
  port: number,
  running: () => ServerProcess,
  start: StartServer,
  canTrace: boolean,
): RedisPart {
  const disk = createSlowDisk(() => running().pid, start);
  return {
    ...part,
    ping: (ms) => pingRedis(port, ms),
    configure: (parameter, value) => configure(port, parameter, value),
    // A Redis that is started anew has its disk as it was.
    ...(canTrace && { slowDisk: (ms: number) => disk.set(ms) }),
  };
}

/** @throws {FleetError} with Redis's words, where it refuses, or does not answer within 5 s */
async function configure(port: number, parameter: string, value: string): Promise<string> {
  const { createClient } = await import('redis'); // it takes 150 ms to load, and few commands need it
  const socket = { host: '127.0.0.1', port, reconnectStrategy: false as const, connectTimeout: answerMs };
  const client = createClient({ socket });
  client.on('error', () => {}); // the calls below reject
  const late = setTimeout(() => client.isOpen && client.destroy(), answerMs); // a paused Redis accepts and says nothing
  try {
    await client.connect();
    const former = await client.configGet(parameter);
    await client.configSet(parameter, value);
    return String(former[parameter]);
  } catch (cause) {
    throw new FleetError(`redis: CONFIG SET ${parameter} ${value}: ${(cause as Error).message}`, [], { cause });
  } finally {
    clearTimeout(late);
    if (client.isOpen) client.destroy();
  }
}
