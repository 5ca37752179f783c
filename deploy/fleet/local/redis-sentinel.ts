import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FleetError, type RedisPart } from '../fleet.ts';
import { hasBothReplicas, pingRedis, readRedisInfo, redisReportOf } from '../probe-redis.ts';
import { createPrimaryPart } from '../primary.ts';
import type { Servers } from '../process.ts';
import { waitFor } from '../wait.ts';
import type { LocalFiles } from './files.ts';
import { askOnce, configure, type ManagedRedis, namesOf } from './redis.ts';
import { createServerPart, requireRunning, startRedis } from './servers.ts';

// A Redis that fails over: a primary, two replicas, and three sentinels that agree on which is which.

/** The name under which the sentinels know the primary. */
const name = 'unsticky';
const quorum = 2;
const lostSentinels = [1, 2];
/** A primary that does not answer for so long is replaced; an election that fails is repeated after twice the second. */
const [downMs, failoverMs] = [1000, 1000];
/** Without a replica that has confirmed within two seconds, a primary takes no writes. */
const writeOptions = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2', '--repl-diskless-sync-delay', '0'];

export interface SentinelPorts {
  /** Of redis-1, redis-2 and redis-3. */
  redis: number[];
  /** Of sentinel-1, sentinel-2 and sentinel-3. */
  sentinels: number[];
}

export function createSentinelRedis(
  servers: Servers,
  files: LocalFiles,
  ports: SentinelPorts,
  pausedAt: Map<string, Date>,
): ManagedRedis {
  const { nameOf, portOf } = namesOf(ports.redis);
  const memory = path.join(files.redis, 'primary');

  async function startServer(port: number, primary: number): Promise<void> {
    const folder = path.join(files.redis, nameOf(port));
    mkdirSync(folder, { recursive: true });
    const follows = port === primary ? [] : ['--replicaof', '127.0.0.1', String(primary)];
    await startRedis(servers.start, files, port, nameOf(port), folder, [...writeOptions, ...follows]);
  }

  async function startSentinel(number: number, primary: number, isNew = true): Promise<void> {
    const port = ports.sentinels[number - 1] as number;
    const folder = path.join(files.redis, `sentinel-${number}`);
    mkdirSync(folder, { recursive: true });
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor ${name} 127.0.0.1 ${primary} ${quorum}`,
      `sentinel down-after-milliseconds ${name} ${downMs}`,
      `sentinel failover-timeout ${name} ${failoverMs}`,
    ];
    const file = path.join(folder, 'sentinel.conf');
    if (isNew) writeFileSync(file, `${lines.join('\n')}\n`); // it writes its state there
    const server = await servers.start(`sentinel-${number}`, 'redis-server', ['sentinel.conf', '--sentinel'], {
      cwd: folder,
    });
    await server.ready(async () => (await pingRedis(port, 1000)) !== null);
  }

  /** Asks the sentinels, one after the other. */
  async function primaryPort(): Promise<number> {
    for (const port of ports.sentinels) {
      const reply = await askOnce(port, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]).catch(() => null);
      if (Array.isArray(reply)) return Number(reply[1]);
    }
    throw new FleetError('no sentinel answers');
  }

  const primary = async () => nameOf(await primaryPort());
  const partOf = (server: string) => {
    const start = async () => startServer(portOf(server), await primaryPort());
    return createServerPart(servers, server, start, 'SIGTERM', pausedAt);
  };

  const part: RedisPart = {
    ...createPrimaryPart({ primary, partOf, isComplete: async () => hasReplicas(await primaryPort()) }),
    async ping(ms) {
      const port = await primaryPort().catch(() => null);
      return port === null ? null : pingRedis(port, ms);
    },
    async report(ms) {
      const port = await primaryPort().catch(() => null);
      const info = port === null ? null : await readRedisInfo(port, ms);
      return port === null || info === null ? null : redisReportOf(info, nameOf(port));
    },
    configure: async (parameter, value) => configure(await primaryPort(), parameter, value),
    primary,
    failOver: async () => void (await askOnce(ports.sentinels[0] as number, ['SENTINEL', 'FAILOVER', name])),
    sentinels: {
      async kill() {
        for (const number of lostSentinels) {
          const server = requireRunning(servers, `sentinel-${number}`);
          server.signal('SIGKILL', true);
          await server.ended;
        }
      },
      async start() {
        for (const number of lostSentinels) await startSentinel(number, await primaryPort(), false);
      },
    },
    async isolatePrimary() {
      const port = await primaryPort();
      // Of a cable that is cut it learns within min-replicas-max-lag; of these, at once.
      await askOnce(port, ['CONFIG', 'SET', 'min-replicas-to-write', '0']);
      for (const other of ports.redis) {
        if (other !== port) await askOnce(other, ['REPLICAOF', '127.0.0.1', '1']).catch(() => {});
      }
    },
  };

  return {
    part,
    primary,
    servers: `${ports.redis.map((port) => `:${port}`).join(' ')}, with three sentinels`,
    settings: {
      REDIS_SENTINELS: ports.sentinels.map((port) => `127.0.0.1:${port}`).join(),
      REDIS_MASTER: name,
    },
    async start() {
      const first = portOf(existsSync(memory) ? readFileSync(memory, 'utf8') : 'redis-1');
      await startServer(first, first);
      for (const port of ports.redis) if (port !== first) await startServer(port, first);
      for (const number of [1, 2, 3]) await startSentinel(number, first);
      await waitFor('Redis has its replicas and sentinels', () => isComplete(first), { timeoutMs: 20_000 });
    },
    async remember() {
      const now = await primary().catch(() => undefined);
      if (now) writeFileSync(memory, now);
    },
  };

  async function isComplete(port: number): Promise<boolean> {
    if (!(await hasReplicas(port))) return false;
    const known = await Promise.all(ports.sentinels.map((sentinel) => askOnce(sentinel, ['SENTINEL', 'MASTER', name])));
    const all = known as { 'num-slaves'?: string; 'num-other-sentinels'?: string }[];
    return all.every((fields) => fields['num-slaves'] === '2' && fields['num-other-sentinels'] === '2');
  }
}

const hasReplicas = async (port: number) => hasBothReplicas((await readRedisInfo(port, 1000)) ?? '');
