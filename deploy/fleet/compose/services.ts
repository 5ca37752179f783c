import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readClusterNodes } from '../cluster-nodes.ts';
import { FleetError, type LogOptions, type Part, type RedisPart, type RedisTopology } from '../fleet.ts';
import { createPrimaryPart } from '../primary.ts';
import { clusterReportOf, hasBothReplicas, hasReplica, redisReportOf } from '../probe-redis.ts';
import { waitFor } from '../wait.ts';
import { type Container, type Docker, findService, label, project, serviceOf } from './docker.ts';
import { describe } from './status.ts';

/**
 * A service of docker-compose.yml with one container. Asks the service itself whether it is back: Docker checks its health
 * only every two seconds.
 */
function createServicePart(docker: Docker, service: string, answers: () => Promise<boolean>): Part {
  const id = async () => (await docker.containerOf(service)).Id;
  const back = () => waitFor(`${service} does not answer`, answers, { timeoutMs: 30_000 });
  return {
    async kill(signal = 'SIGKILL') {
      await docker.run(['kill', '--signal', signal, await id()]);
      if (signal === 'SIGKILL') await docker.run(['wait', await id()]);
    },
    async start() {
      await docker.run(['start', await id()]);
      await back();
    },
    pause: async () => void (await docker.run(['pause', await id()])),
    resume: async () => void (await docker.run(['unpause', await id()])),
    async restart() {
      await docker.run(['restart', '--time', '8', await id()]);
      await back();
    },
  };
}

/** Any response shows that nginx is up, even if all replicas are down. */
export function createComposeNginx(docker: Docker): Part {
  return createServicePart(docker, 'nginx', async () => {
    const { http } = describe(await docker.containers());
    const { status } = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) });
    return status > 0;
  });
}

/** The users of deploy/redis/start.sh. */
const asMonitor = ['redis-cli', '--user', 'monitor'];
const askMs = 2000;
const asAdmin = 'REDISCLI_AUTH=$(cat /tmp/admin) exec redis-cli --user admin "$0" "$@"';

/** The services of deploy/redis/sentinel.yml, or of cluster.yml, if they are up. */
const [sentinels, master] = [['sentinel-1', 'sentinel-2', 'sentinel-3'], 'unsticky'];
const asSentinel = ['redis-cli', '-p', '26379', 'sentinel'];
const lastOfCluster = 'redis-6';
const clusterPrimaries = 3;

const isServer = (container: Container) => /^redis(-\d)?$/.test(serviceNameOf(container));

/** The command that starts a topology. */
export const composeWith = (topology: Exclude<RedisTopology, 'single'>) =>
  `COMPOSE_FILE=docker-compose.yml:deploy/redis/${topology}.yml docker compose up --build --wait`;

export function createComposeRedis(docker: Docker): RedisPart {
  const command = async ({ Id }: Container, ...args: string[]) =>
    (await docker.run(['exec', Id, 'sh', '-c', asAdmin, '--no-raw', ...args])).trim();
  const asked = ({ Id }: Container, ms: number, ...args: string[]) =>
    docker.run(['exec', Id, 'timeout', String(ms / 1000), ...asMonitor, ...args]);
  const pingOf = ({ Id }: Container, ms: number) =>
    measure(docker, ['exec', Id, 'timeout', String(ms / 1000), ...asMonitor, 'ping'], /^PONG/);

  /** The servers of a Cluster with what they know together; undefined if it is none. */
  async function findCluster(containers: Container[]) {
    if (!findService(containers, lastOfCluster)) return undefined;
    const servers = containers.filter(isServer);
    const texts = await Promise.all(servers.map((one) => asked(one, askMs, 'CLUSTER', 'NODES').catch(() => '')));
    const nodes = readClusterNodes(texts).map((node) => ({
      ...node,
      container: servers.find((one) => addressesOf(one).includes(node.host)),
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

  /** Without replicas it has no name. Of a Cluster it is that of the first slot. */
  async function findPrimary(): Promise<{ container: Container; name?: string }> {
    const containers = await docker.containers();
    const cluster = await findCluster(containers);
    if (cluster && !cluster.first) throw new FleetError('no server of the Cluster answers: docker compose ps');
    if (cluster?.first) return { container: cluster.first, name: serviceNameOf(cluster.first) };
    if (!findService(containers, 'sentinel-1')) return { container: serviceOf(containers, 'redis') };
    for (const sentinel of sentinels) {
      const { Id } = serviceOf(containers, sentinel);
      const ask = ['exec', Id, ...asSentinel, 'get-master-addr-by-name', master];
      const [address] = (await docker.run(ask).catch(() => '')).split('\n');
      const container = containers.find((one) => address && addressesOf(one).includes(address));
      if (container) return { container, name: serviceNameOf(container) };
    }
    throw new FleetError('no sentinel names a primary that is up: docker compose ps');
  }

  async function isComplete(): Promise<boolean> {
    const cluster = await findCluster(await docker.containers());
    if (!cluster) {
      const { container, name } = await findPrimary();
      return !name || hasBothReplicas(await asked(container, askMs, 'INFO', 'replication'));
    }
    const infos = await Promise.all(cluster.primaries.map((one) => asked(one, askMs, 'INFO', 'replication')));
    return infos.filter(hasReplica).length === clusterPrimaries;
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
    ...createPrimaryPart({ primary: async () => serviceNameOf((await findPrimary()).container), partOf, isComplete }),
    async primary() {
      const { name } = await findPrimary();
      if (!name) throw new FleetError(`this Redis has no replicas; with some: ${composeWith('sentinel')}`);
      return name;
    },
    async failOver() {
      const cluster = await findCluster(await docker.containers());
      const reply = cluster
        ? await command(cluster.replicas[0] as Container, 'CLUSTER', 'FAILOVER')
        : await docker.run(['exec', (await docker.containerOf('sentinel-1')).Id, ...asSentinel, 'failover', master]);
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
    ping: async (ms) => pingOf((await findPrimary()).container, ms),
    async report(ms) {
      const cluster = await findCluster(await docker.containers());
      const infoOf = (container: Container) => asked(container, ms, 'INFO').catch(() => null);
      if (cluster) {
        const infos = await Promise.all(
          cluster.primaries.map(async (one) => [serviceNameOf(one), await infoOf(one)] as const),
        );
        return infos.length === 0 ? null : clusterReportOf(new Map(infos));
      }
      const { container, name } = await findPrimary();
      const info = await infoOf(container);
      return info === null ? null : redisReportOf(info, name);
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

const serviceNameOf = ({ Config }: Container) => Config.Labels[`${label}.service`] as string;

function addressesOf({ NetworkSettings }: Container): string[] {
  return Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
}

/** @returns the milliseconds of a Docker command with this output; null if it fails or prints something else */
export async function measure(docker: Docker, command: string[], expected: RegExp): Promise<number | null> {
  const start = performance.now();
  const output = await docker.run(command).catch(() => '');
  return expected.test(output) ? performance.now() - start : null;
}

/** The last lines of all parts in the order of their times, then new ones. */
export async function writeComposeLogs(
  docker: Docker,
  { parts = [], lines, follow }: LogOptions,
  write: (line: string) => void,
): Promise<void> {
  const now = new Date().toISOString();
  const last = await docker.compose([...logs, '--timestamps', '--until', now, '--tail', String(lines), ...parts]);
  const timed = last.split('\n').flatMap((line) => (line === '' ? [] : splitTime(line)));
  for (const { line } of timed.sort((a, b) => (a.time < b.time ? -1 : 1))) write(line);
  if (follow) await followLogs(docker, ['--since', now, ...parts], write, follow);
}

const logs = ['logs', '--no-color'];

/** `part | 2026-01-31T12:00:00.123456789Z text`: times of one length. */
function splitTime(line: string): { time: string; line: string } {
  const [, part = '', time = '', text = ''] = /^([^|]*\| )(\S+) ?(.*)$/s.exec(line) ?? [];
  return { time, line: part + text };
}

async function followLogs({ env }: Docker, args: string[], write: (line: string) => void, ending: AbortSignal) {
  if (ending.aborted) return;
  // Runs in a process group of its own: Ctrl-C ends it through the signal, once the last lines have come.
  const command = ['compose', ...logs, '--follow', ...args];
  const child = spawn('docker', command, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => child.kill();
  ending.addEventListener('abort', stop);
  for await (const line of createInterface({ input: child.stdout })) write(line);
  ending.removeEventListener('abort', stop);
}
