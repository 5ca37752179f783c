import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ClusterNode, readClusterNodes } from '../cluster-nodes.ts';
import { FleetError, type RedisPart } from '../fleet.ts';
import { createPrimaryPart } from '../primary.ts';
import { askRedis, clusterReportOf, hasReplica, pingRedis, readRedisInfo } from '../probe-redis.ts';
import type { Servers } from '../process.ts';
import { waitFor } from '../wait.ts';
import type { LocalFiles } from './files.ts';
import { askAll, askOnce, configure, type ManagedRedis, namesOf } from './redis.ts';
import { createServerPart, startRedis } from './servers.ts';

// A Cluster: three primaries, each of which has a third of the slots, and a replica of each.

const primaries = 3;
const slotRanges = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const;
/** Without its replica's confirmation within two seconds, a primary takes no writes. */
const options = [
  ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-require-full-coverage', 'no'],
  ...['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2', '--repl-diskless-sync-delay', '0'],
];
const askMs = 500;
const createMs = 20_000;

/** Of redis-1 to redis-6, and of the connections between them. */
export interface ClusterPorts {
  redis: number[];
  buses: number[];
}

export function createClusterRedis(
  servers: Servers,
  files: LocalFiles,
  ports: ClusterPorts,
  pausedAt: Map<string, Date>,
): ManagedRedis {
  const { nameOf, portOf } = namesOf(ports.redis);
  // Not where a server with sentinels of the same name has its data: a Cluster begins with empty servers.
  const own = path.join(files.redis, 'cluster');
  const folderOf = (port: number) => path.join(own, nameOf(port));
  /** Is there once the Cluster has been made. */
  const made = path.join(own, 'made');
  const busOf = (port: number) => String(ports.buses[ports.redis.indexOf(port)]);

  async function startServer(port: number): Promise<void> {
    await startRedis(servers.start, files, port, nameOf(port), folderOf(port), [
      ...options,
      ...['--cluster-port', busOf(port), '--cluster-config-file', 'nodes.conf'],
    ]);
  }

  /** Ends what isolatePrimary has done, else the successor could never be a replica again. */
  async function startAgain(port: number): Promise<void> {
    for (const other of ports.redis)
      if (other !== port) await askOnce(other, ['CONFIG', 'SET', 'masterauth', '']).catch(() => {});
    await startServer(port);
  }

  /** What the servers know that answer, together. */
  async function nodes(): Promise<ClusterNode[]> {
    const texts = await Promise.all(ports.redis.map((port) => askRedis(port, 'CLUSTER NODES', askMs)));
    return readClusterNodes(texts.filter((text) => text !== null));
  }

  /** The primary of the first third, on which faults act. */
  async function primaryPort(): Promise<number> {
    const found = (await nodes()).find(({ slots }) => slots.some(([from]) => from === 0));
    if (!found) throw new FleetError('no server of the Cluster knows the primary of slot 0');
    return found.port;
  }

  const primary = async () => nameOf(await primaryPort());

  async function replicasOf(port: number): Promise<number[]> {
    const all = await nodes();
    const id = all.find((node) => node.port === port)?.id;
    return all.filter((node) => node.primary === id).map((node) => node.port);
  }

  async function isComplete(): Promise<boolean> {
    const infos = await Promise.all(ports.redis.map((port) => readRedisInfo(port, askMs)));
    const complete = infos.filter((info) => info !== null && hasReplica(info));
    return complete.length === primaries;
  }

  const part: RedisPart = {
    ...createPrimaryPart({
      primary,
      partOf: (server) => createServerPart(servers, server, () => startAgain(portOf(server)), 'SIGTERM', pausedAt),
      isComplete,
    }),
    async ping(ms) {
      const port = await primaryPort().catch(() => null);
      return port === null ? null : pingRedis(port, ms);
    },
    async report(ms) {
      const found = (await nodes()).filter(({ slots }) => slots.length > 0).map(({ port }) => port);
      const infos = await Promise.all(found.map((port) => readRedisInfo(port, ms)));
      return found.length === 0
        ? null
        : clusterReportOf(new Map(found.map((port, at) => [nameOf(port), infos[at] ?? null])));
    },
    configure: async (parameter, value) => configure(await primaryPort(), parameter, value),
    primary,
    async failOver() {
      const [replica] = await replicasOf(await primaryPort());
      if (replica === undefined) throw new FleetError('the primary has no replica that could replace it');
      await askOnce(replica, ['CLUSTER', 'FAILOVER']);
    },
    async isolatePrimary() {
      const port = await primaryPort();
      await askOnce(port, ['CONFIG', 'SET', 'min-replicas-to-write', '0']);
      // With a password that the primary does not want, they cannot log in to it again.
      for (const replica of await replicasOf(port)) await askOnce(replica, ['CONFIG', 'SET', 'masterauth', 'wrong']);
      await askOnce(port, ['CLIENT', 'KILL', 'TYPE', 'replica']);
    },
    moveSlots,
  };

  /** As `redis-cli --cluster reshard` does it. */
  async function moveSlots(count: number): Promise<string> {
    const [from, to] = (await nodes()).filter(({ slots }) => slots.length > 0);
    if (!from || !to) throw new FleetError('the Cluster has no two primaries');
    const all = from.slots.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
    const counts = await askAll(
      from.port,
      all.map((slot) => ['CLUSTER', 'COUNTKEYSINSLOT', String(slot)]),
    );
    const full = all.filter((_, at) => Number(counts[at]) > 0).slice(0, count);
    let keys = 0;
    for (const slot of full) keys += await moveSlot(slot, from, to);
    return `${full.length} slots with ${keys} keys have moved from ${nameOf(from.port)} to ${nameOf(to.port)}`;
  }

  /** @returns how many keys it had */
  async function moveSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<number> {
    const set = (...state: string[]) => ['CLUSTER', 'SETSLOT', String(slot), ...state];
    await askOnce(to.port, set('IMPORTING', from.id));
    await askOnce(from.port, set('MIGRATING', to.id));
    let moved = 0;
    for (;;) {
      const keys = (await askOnce(from.port, ['CLUSTER', 'GETKEYSINSLOT', String(slot), '10'])) as string[];
      if (keys.length === 0) break;
      moved += keys.length;
      await askOnce(from.port, ['MIGRATE', '127.0.0.1', String(to.port), '', '0', '1000', 'KEYS', ...keys]);
    }
    for (const { port } of [to, from]) await askOnce(port, set('NODE', to.id));
    return moved;
  }

  /** Gives the slots out, and each primary its replica. */
  async function create(): Promise<void> {
    const [first = 0, ...others] = ports.redis;
    for (const [at, [from, to]] of slotRanges.entries())
      await askOnce(ports.redis[at] as number, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to)]);
    for (const [at, port] of ports.redis.entries())
      await askOnce(port, ['CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1)]);
    for (const port of others) await askOnce(first, ['CLUSTER', 'MEET', '127.0.0.1', String(port), busOf(port)]);
    for (const [at, port] of ports.redis.slice(primaries).entries()) {
      const id = String(await askOnce(ports.redis[at] as number, ['CLUSTER', 'MYID']));
      const replicate = async () => (await askOnce(port, ['CLUSTER', 'REPLICATE', id]).catch(() => '')) === 'OK';
      await waitFor(`${nameOf(port)} knows its primary`, replicate, { timeoutMs: createMs, everyMs: 100 });
    }
  }

  return {
    part,
    primary,
    servers: `${ports.redis.map((port) => `:${port}`).join(' ')}, a Cluster`,
    settings: { REDIS_CLUSTER: ports.redis.map((port) => `127.0.0.1:${port}`).join() },
    async start() {
      const isNew = !existsSync(made);
      if (isNew) rmSync(own, { recursive: true, force: true }); // a start that was interrupted: nothing was saved yet
      for (const port of ports.redis) mkdirSync(folderOf(port), { recursive: true });
      if (!isNew) moveToPorts(ports.redis.map(folderOf), ports);
      await Promise.all(ports.redis.map(startServer));
      if (isNew) await create();
      const isReady = async () => (await isComplete()) && (await knowEachOther());
      await waitFor('the Cluster has its primaries and replicas', isReady, { timeoutMs: createMs, everyMs: 100 });
      writeFileSync(made, '');
    },
    async remember() {}, // each server does
  };

  /** A primary that does not know a replica does not vote for it. */
  async function knowEachOther(): Promise<boolean> {
    const texts = await Promise.all(ports.redis.map((port) => askRedis(port, 'CLUSTER NODES', askMs)));
    return texts.every((text) => text !== null && text.match(/slave /g)?.length === ports.redis.length - primaries);
  }
}

/**
 * Servers of an earlier life remember one another by their ports then.
 * @param folders of the servers, in the order of their ports
 */
function moveToPorts(folders: string[], { redis, buses }: ClusterPorts): void {
  const confs = folders.map((folder) => path.join(folder, 'nodes.conf'));
  const texts = confs.map((conf) => readFileSync(conf, 'utf8'));
  const ids = texts.map((text) => /^(\w+) \S+ \S*myself/m.exec(text)?.[1]);
  for (const [at, conf] of confs.entries()) {
    const moved = (texts[at] as string).replace(/^(\w+) \S+@\d+/gm, (line, id) => {
      const server = ids.indexOf(id);
      return server === -1 ? line : `${id} 127.0.0.1:${redis[server]}@${buses[server]}`;
    });
    writeFileSync(conf, moved);
  }
}
