import { readClusterNodes } from '../cluster-nodes.ts';
import { FleetError, type Part, type RedisPart, type RedisTopology } from '../fleet.ts';
import { createPrimaryPart } from '../primary.ts';
import { clusterReportOf, hasBothReplicas, hasReplica, redisReportOf } from '../probe-redis.ts';
import { type Container, type Containers, findService, measure } from './docker.ts';
import { createServicePart } from './part.ts';

/** The users of deploy/redis/start.sh. */
const asMonitor = ['redis-cli', '--user', 'monitor'];
const askMs = 2000;
const asAdmin = 'REDISCLI_AUTH=$(cat /tmp/admin) exec redis-cli --user admin "$0" "$@"';

/** The services of deploy/redis/sentinel.yml and deploy/swarm, or of cluster.yml, if they are up. */
const [sentinels, master] = [['sentinel-1', 'sentinel-2', 'sentinel-3'], 'unsticky'];
const asSentinel = ['redis-cli', '-p', '26379', 'sentinel'];
const lastOfCluster = 'redis-6';
const clusterPrimaries = 3;

interface Primary {
  container: Container;
  name?: string;
}

const sentinelsOf = (containers: Container[]) => containers.filter(({ service }) => sentinels.includes(service));
const isServer = (container: Container) => /^redis(-\d)?$/.test(container.service);

/** The command that starts a topology. */
export const composeWith = (topology: Exclude<RedisTopology, 'single'>) =>
  `COMPOSE_FILE=docker-compose.yml:deploy/redis/${topology}.yml docker compose up --build --wait`;

export function createContainerRedis(docker: Containers): RedisPart {
  const exec = (container: Container, ...args: string[]) => docker.runOn(container, ['exec', container.Id, ...args]);
  const command = async (container: Container, ...args: string[]) =>
    (await exec(container, 'sh', '-c', asAdmin, '--no-raw', ...args)).trim();
  const asked = (container: Container, ms: number, ...args: string[]) =>
    exec(container, 'timeout', String(ms / 1000), ...asMonitor, ...args);
  const pingOf = (one: Container, ms: number) =>
    measure(docker, one, ['exec', one.Id, 'timeout', String(ms / 1000), ...asMonitor, 'ping'], /^PONG/);

  /** What each of these says; '' if it does not answer. */
  const askSentinels = (some: Container[], question: string) =>
    Promise.all(some.map((sentinel) => exec(sentinel, ...asSentinel, question, master).catch(() => '')));

  /** The servers of a Cluster with what they know together; undefined if it is none. */
  async function findCluster(containers: Container[]) {
    if (!findService(containers, lastOfCluster)) return undefined;
    const servers = containers.filter(isServer);
    const texts: string[] = [];
    // One that was replaced while it was away does not know it yet; the next one does.
    for (const one of servers) {
      if (texts.length === 2) break;
      await asked(one, askMs, 'CLUSTER', 'NODES').then(
        (text) => texts.push(text),
        () => {},
      );
    }
    const nodes = readClusterNodes(texts).map((node) => ({
      ...node,
      container: servers.find((one) => namesOf(one).includes(node.host)),
    }));
    const containersOf = (some: typeof nodes) => some.flatMap(({ container }) => container ?? []);
    const primaries = nodes.filter(({ slots }) => slots.length > 0);
    const first = primaries.find(({ slots }) => slots.some(([from]) => from === 0));
    return {
      first: containersOf(first ? [first] : [])[0],
      primaries: containersOf(primaries),
      replicas: containersOf(nodes.filter(({ primary }) => primary === first?.id)),
    };
  }

  /** Undefined if it is not known. Without replicas it has no name. Of a Cluster it is that of the first slot. */
  async function lookUpPrimary(): Promise<Primary | undefined> {
    const containers = await docker.containers();
    const cluster = await findCluster(containers);
    if (cluster) return cluster.first && { container: cluster.first, name: cluster.first.service };
    const watching = sentinelsOf(containers);
    if (watching.length === 0) return { container: await docker.containerOf('redis') };
    const replies = await askSentinels(watching, 'get-master-addr-by-name');
    const addresses = replies.flatMap((reply) => reply.split('\n')[0] || []);
    // One that was away itself may name a server that has been replaced since.
    const named = addresses.find((one) => 2 * addresses.filter((other) => other === one).length > addresses.length);
    const container = containers.find((one) => named && namesOf(one).includes(named));
    return container && { container, name: container.service };
  }

  async function findPrimary(): Promise<Primary> {
    const primary = await lookUpPrimary();
    if (!primary) throw new FleetError(`which server of Redis is the primary is not known: ${docker.look}`);
    return primary;
  }

  async function isComplete(): Promise<boolean> {
    const containers = await docker.containers();
    const cluster = await findCluster(containers);
    if (!cluster) {
      const { container, name } = await findPrimary();
      if (!name) return true;
      const hasReplicas = hasBothReplicas(await asked(container, askMs, 'INFO', 'replication'));
      return hasReplicas && (await seeOneAnother(sentinelsOf(containers)));
    }
    const infos = await Promise.all(cluster.primaries.map((one) => asked(one, askMs, 'INFO', 'replication')));
    return infos.filter(hasReplica).length === clusterPrimaries;
  }

  /** Of those that run. One that has just started may not: then the loss of another one leaves no majority. */
  async function seeOneAnother(some: Container[]): Promise<boolean> {
    const running = some.filter(({ State }) => State.Status === 'running');
    const replies = await askSentinels(running, 'ckquorum');
    return replies.every((reply) => reply.startsWith(`OK ${running.length} usable`));
  }

  /** Ends what isolatePrimary has done in a Cluster, else the successor could never be a replica again. */
  async function reconcile(): Promise<void> {
    const containers = await docker.containers();
    if (!findService(containers, lastOfCluster)) return;
    for (const server of containers.filter(isServer))
      await command(server, 'CONFIG', 'SET', 'masteruser', 'peer').catch(() => {}); // one is down
  }

  function partOf(service: string): Part {
    const answers = async () => (await pingOf(await docker.containerOf(service), 1000)) !== null;
    const part = createServicePart(docker, service, answers);
    return { ...part, start: () => reconcile().then(part.start) };
  }
  return {
    ...createPrimaryPart({ primary: async () => (await findPrimary()).container.service, partOf, isComplete }),
    async primary() {
      const { name } = await findPrimary();
      if (!name) throw new FleetError(`this Redis has no replicas; with some: ${composeWith('sentinel')}`);
      return name;
    },
    async failOver() {
      const cluster = await findCluster(await docker.containers());
      const reply = cluster
        ? await command(cluster.replicas[0] as Container, 'CLUSTER', 'FAILOVER')
        : await exec(await docker.containerOf('sentinel-1'), ...asSentinel, 'failover', master);
      if (reply.trim() !== 'OK') throw new FleetError(`Redis refused a failover: ${reply.trim()}`);
    },
    async isolatePrimary() {
      const containers = await docker.containers();
      const cluster = await findCluster(containers);
      const { container: own } = await findPrimary();
      // Of a cable that is cut it learns within min-replicas-max-lag; of these, at once.
      await command(own, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
      const others = cluster?.replicas ?? containers.filter((one) => isServer(one) && one.Id !== own.Id);
      const isolated = cluster ? ['CONFIG', 'SET', 'masteruser', 'none'] : ['REPLICAOF', '127.0.0.1', '1'];
      for (const other of others) await command(other, ...isolated);
      if (cluster) await command(own, 'CLIENT', 'KILL', 'TYPE', 'replica');
    },
    async ping(ms) {
      const primary = await lookUpPrimary();
      return primary ? pingOf(primary.container, ms) : null;
    },
    async report(ms) {
      const cluster = await findCluster(await docker.containers());
      const infoOf = (container: Container) => asked(container, ms, 'INFO').catch(() => null);
      if (cluster) {
        const infos = await Promise.all(
          cluster.primaries.map(async (one) => [one.service, await infoOf(one)] as const),
        );
        return infos.length === 0 ? null : clusterReportOf(new Map(infos));
      }
      const primary = await lookUpPrimary();
      const info = primary ? await infoOf(primary.container) : null;
      return info === null ? null : redisReportOf(info, primary?.name);
    },
    async configure(parameter, value) {
      const { container } = await findPrimary();
      const former = await command(container, 'CONFIG', 'GET', parameter);
      const reply = await command(container, 'CONFIG', 'SET', parameter, value); // redis-cli exits with 0 even if Redis refuses
      if (reply !== 'OK') throw new FleetError(`redis: CONFIG SET ${parameter} ${value}: ${reply}`);
      return JSON.parse(/^2\) (".*")$/m.exec(former)?.[1] ?? '""') as string;
    },
  };
}

/** What sentinels and servers call it: its addresses, or in a Swarm its name. */
function namesOf({ service, NetworkSettings }: Container): string[] {
  return [service, ...Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress)];
}
