import { checkCount, type Fleet, FleetError, type RedisTopology, type Reporter, type Settings } from '../fleet.ts';
import { boundLogs, writeLogs } from '../logs.ts';
import { findPort, findPorts, requireFree } from '../ports.ts';
import { createServers } from '../process.ts';
import { readGivenSecrets, rotation } from '../secrets.ts';
import { servedBy } from '../wait.ts';
import { lockDir, type PrometheusPorts, prepareFiles, replicaMain } from './files.ts';
import { startProxies } from './network/proxies.ts';
import { createLocalRedis } from './redis.ts';
import { type ClusterPorts, createClusterRedis } from './redis-cluster.ts';
import { createSentinelRedis, type SentinelPorts } from './redis-sentinel.ts';
import { readParts } from './parts.ts';
import { LocalReplicas } from './replicas.ts';
import {
  createServerPart,
  graceMs,
  readVersions,
  requireRunning,
  startNginx,
  startPrometheus,
  startRedis,
} from './servers.ts';
import { canTrace } from './disk-faults.ts';
import { type LocalReplica, readStatus } from './status.ts';

export interface LocalOptions {
  replicas: number;
  store: string;
  /** Folder for data, configuration and logs; created if missing. */
  dir: string;
  /** Ports on 127.0.0.1; 0 picks a free one. Without `prometheus`, Prometheus is not started. */
  http: number;
  https: number;
  prometheus?: number | undefined;
  /** Folder of tls.crt and tls.key; without it, a development certificate is made. */
  tlsDir?: string | undefined;
  /** The environment of every process; replicas get `settings` over it. */
  env: NodeJS.ProcessEnv;
  settings?: Settings;
  /** Gives each replica its own proxy to Redis, so that the network can be broken. */
  breakableNetwork?: boolean;
  /** The default is one server. */
  redis?: RedisTopology;
  /** The file that replicas run instead of src/main.ts. */
  main?: string;
  /** A larger log is emptied (64 MiB). */
  maxLogBytes?: number;
  report?: Reporter;
}

interface Ports {
  http: number;
  https: number;
  redis: number;
  /** With sentinels, or in a Cluster; `redis` is not used then. */
  sentinel?: SentinelPorts;
  cluster?: ClusterPorts;
  prometheus?: PrometheusPorts;
}

const defaultLogBytes = 64 * 1024 * 1024;

/**
 * Starts nginx, Redis, Prometheus and replicas as child processes on 127.0.0.1. Resolves once they all answer.
 *
 * They end with `down()`, or when this process ends in any other way.
 * @throws {FleetError} if a port is taken, or a server is missing or does not come up; nothing is left running then
 */
export async function startLocalFleet(options: LocalOptions): Promise<Fleet> {
  checkCount(options.replicas);
  const ports = await reservePorts(options);
  const unlock = lockDir(options.dir);
  let created: ReturnType<typeof createLocalFleet> | undefined;
  try {
    created = createLocalFleet(options, ports, unlock, await canTrace(options.env));
    await created.start();
    return created.fleet;
  } catch (err) {
    await created?.fleet.down();
    unlock();
    throw err;
  }
}

/** @throws {FleetError} if a chosen port is in use */
async function reservePorts({ http, https, prometheus, redis }: LocalOptions): Promise<Ports> {
  const reserve = async (port: number, what: string) => {
    if (port === 0) return findPort();
    await requireFree(port, what, `--${what.toLowerCase()}`);
    return port;
  };
  return {
    http: await reserve(http, 'http'),
    https: await reserve(https, 'https'),
    redis: await findPort(),
    ...(redis === 'sentinel' && {
      sentinel: { redis: await findPorts(3), sentinels: await findPorts(3) },
    }),
    ...(redis === 'cluster' && { cluster: { redis: await findPorts(6), buses: await findPorts(6) } }),
    ...(prometheus !== undefined && {
      prometheus: { published: await reserve(prometheus, 'Prometheus'), own: await findPort() },
    }),
  };
}

function createLocalFleet(
  options: LocalOptions,
  ports: Ports,
  unlock: () => void,
  canTrace: boolean,
): { fleet: Fleet; start(): Promise<void> } {
  const { dir, tlsDir, env, settings = {}, store, main = replicaMain, maxLogBytes = defaultLogBytes, report } = options;
  const http = `http://127.0.0.1:${ports.http}`;
  const https = `https://127.0.0.1:${ports.https}`;
  const prometheus = ports.prometheus && `http://127.0.0.1:${ports.prometheus.published}`;
  const versions = readVersions(env);
  const files = prepareFiles(dir, ports, env, tlsDir);
  const logBound = setInterval(() => boundLogs(files.logs, maxLogBytes), 5000).unref();
  const servers = createServers(files.logs, env);
  const pausedAt = new Map<string, Date>();
  const managed = ports.sentinel
    ? createSentinelRedis(servers, files, ports.sentinel, pausedAt)
    : ports.cluster && createClusterRedis(servers, files, ports.cluster, pausedAt);
  // Its servers name one another, not a proxy before them.
  const network = options.breakableNetwork && !managed ? startProxies(ports.redis) : undefined;
  const replicas = new LocalReplicas({
    start: servers.start,
    redisPort: ports.redis,
    network,
    main,
    env: () => {
      const secrets = readGivenSecrets(env) || files.readSecret();
      // Replicas get values: their Redis is the fleet's.
      return {
        ...env,
        SESSION_STORE: store,
        SESSION_SECRETS: secrets,
        SESSION_SECRETS_FILE: '',
        REDIS_URL_FILE: '',
        ...managed?.settings,
      };
    },
    settings: { ...settings, SESSION_STORE: store },
    announce: async (replicas) => {
      files.writeReplicas(replicas);
      await reloadNginx(replicas);
    },
  });
  const startRedisServer = () => startRedis(servers.start, files, ports.redis);
  const redis = createServerPart(servers, 'redis', startRedisServer, 'SIGTERM', pausedAt);
  const startProxy = () => startNginx(servers.start, files, ports.http);
  const nginx = createServerPart(servers, 'nginx', startProxy, 'SIGQUIT', pausedAt);
  let down: Promise<void> | undefined;

  const fleet: Fleet = {
    driver: 'local',
    async describe() {
      if (down) throw new FleetError('the fleet is down');
      const current = replicas.settings.SESSION_STORE ?? store;
      return { driver: 'local', store: current, http, https, versions, ...(prometheus && { prometheus }) };
    },
    replicas: () => Promise.all(replicas.all.map(readStatus)),
    parts: () =>
      readParts({
        servers,
        redisName: managed?.primary ?? (async () => 'redis'),
        pausedAt,
        redisReport: fleet.redis.report,
        http,
        prometheus: prometheus || undefined,
      }),
    scale: (...args) => replicas.inTurn(() => replicas.scale(...args)),
    kill: (number, signal = 'SIGKILL') => replicas.kill(number, signal),
    pause: (number) => replicas.pause(number),
    resume: async (number) => replicas.resume(number),
    restart: (number) => replicas.inTurn(() => replicas.restart(number)),
    async roll(report) {
      for (const { number, name } of replicas.all) {
        await fleet.restart(number);
        report?.(`${name} is back`);
      }
    },
    deploy: (...args) => replicas.inTurn(() => replicas.deploy(...args)),
    rotateSecret: (report) => replicas.inTurn(() => rotateSecret(report)),
    logs: (options, write) => writeLogs(files.logs, options, write),
    down() {
      down ??= end();
      return down;
    },
    redis: managed?.part ?? createLocalRedis(redis, ports.redis, files.redis, servers, canTrace),
    proxy: { ...nginx, reload: () => reloadNginx(replicas.all) },
    ...(network && { network }),
  };

  async function start(): Promise<void> {
    await (managed?.start ?? startRedisServer)();
    report?.(`redis        127.0.0.1${managed?.servers ?? `:${ports.redis}`}`);
    const added = await replicas.add(options.replicas);
    files.writeReplicas(added);
    await replicas.start(added);
    report?.(`replicas     ${added.map(({ name, port }) => `${name} :${port}`).join(', ')}`);
    await startProxy();
    report?.(`nginx        ${http} and ${https}`);
    if (!ports.prometheus) return;
    await startPrometheus(servers.start, files, ports.prometheus);
    report?.(`prometheus   ${prometheus}`);
  }

  /** Secrets that were given to the fleet are replaced in the replicas' settings; its own, in its folder. */
  async function rotateSecret(report?: Reporter): Promise<string> {
    const given = replicas.settings.SESSION_SECRETS || readGivenSecrets(env);
    const { fresh, steps } = rotation(given || files.readSecret());
    for (const secrets of steps) {
      if (!given) files.writeSecret(secrets);
      await replicas.deploy(given ? { SESSION_SECRETS: secrets } : {}, report);
    }
    return fresh;
  }

  /**
   * Resolves once nginx has passed a request to every ready replica, new ones included; a removed one may get a last
   * request, which it answers while it drains.
   */
  async function reloadNginx(replicas: readonly LocalReplica[]): Promise<void> {
    const statuses = await Promise.all(replicas.map(readStatus));
    const ready = statuses.filter(({ state }) => state === 'ready').map(({ name }) => name);
    requireRunning(servers, 'nginx').signal('SIGHUP');
    await servedBy(http, ready);
  }

  /** nginx first, so that no replica refuses a request; Redis last, so that every request can still be saved. */
  async function end(): Promise<void> {
    clearInterval(logBound);
    servers.refuseStarts('the fleet is going down');
    await managed?.remember();
    // Sentinels before what they watch, or they would replace it.
    const orderOf = (name: string) =>
      /^(nginx|prometheus.*)$/.test(name) ? 0 : /^redis/.test(name) ? 3 : /^sentinel/.test(name) ? 2 : 1;
    for (const order of [0, 1, 2, 3]) {
      const group = servers.all().filter(({ name }) => orderOf(name) === order);
      await Promise.all(group.map((server) => server.stop('SIGTERM', graceMs)));
    }
    await network?.end();
    servers.close();
    unlock();
  }
  return { fleet, start };
}
