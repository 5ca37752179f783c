import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FleetError, type Part } from '../fleet.ts';
import { type ServerProcess, type Servers, type StartServer, withSystemPath } from '../process.ts';
import { pingRedis } from '../probe-redis.ts';
import { answers } from '../wait.ts';
import type { LocalFiles, PrometheusPorts } from './files.ts';
import type { LocalReplica } from './status.ts';

/** How long a server may take to end before it is killed. */
export const graceMs = 8000;

/** Starts a replica with its settings. It is not ready yet. */
export function startReplicaProcess(
  start: StartServer,
  { name, port, adminPort, redisPort }: Pick<LocalReplica, 'name' | 'port' | 'adminPort' | 'redisPort'>,
  main: string,
  settings: NodeJS.ProcessEnv,
  database = 0,
): Promise<ServerProcess> {
  const env = {
    ...settings,
    REPLICA: name,
    HOST: '127.0.0.1',
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    REDIS_URL: `redis://127.0.0.1:${redisPort}/${database}`,
  };
  return start(name, process.execPath, [main], { env });
}

/** Resolves once the server answers, as do the functions below. */
export async function startRedis(
  start: StartServer,
  files: LocalFiles,
  port: number,
  name = 'redis',
  folder = files.redis,
  more: string[] = [],
): Promise<void> {
  const args = [...redisOptions(files.redis), '--bind', '127.0.0.1', '--port', String(port), ...more];
  const server = await start(name, 'redis-server', args, { cwd: folder });
  await server.ready(async () => (await pingRedis(port, 1000)) !== null);
}

/** Paths are relative, because nginx treats * and [ in the path of an included file as a pattern. */
const nginxOptions = ['-p', './', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;'];

export async function startNginx(start: StartServer, files: LocalFiles, httpPort: number): Promise<void> {
  const server = await start('nginx', 'nginx', ['-c', 'nginx.conf', ...nginxOptions], { cwd: files.nginx });
  // Any response shows that nginx is up, even if all replicas are down.
  const url = `http://127.0.0.1:${httpPort}/whoami`;
  await server.ready(() => fetch(url, { signal: AbortSignal.timeout(1000) }).then((response) => response.status > 0));
}

/** Starts Prometheus and the nginx in front of it. */
export async function startPrometheus(
  start: StartServer,
  { prometheus: cwd }: LocalFiles,
  { own, published }: PrometheusPorts,
): Promise<void> {
  const retention = ['--storage.tsdb.retention.time=1d', '--storage.tsdb.retention.size=1GB'];
  const data = ['--storage.tsdb.path=data', ...retention, '--log.level=warn'];
  // Its own default lets every website read it. With TLS, DNS rebinding fails at the certificate.
  const web = [`--web.listen-address=127.0.0.1:${own}`, '--web.config.file=web.yml', '--web.cors.origin=^$'];
  const args = ['--config.file=prometheus.yml', ...web, ...data];
  const server = await start('prometheus', 'prometheus', args, { cwd });
  await start('prometheus-gate', 'nginx', ['-c', 'gate.conf', ...nginxOptions], { cwd });
  await server.ready(() => answers(`http://127.0.0.1:${published}/-/ready`));
}

/**
 * Redis or nginx of a local fleet, for commands and faults.
 * @param stopSignal the signal on which the server ends in order
 * @param pausedAt gets when it was paused, while it is
 */
export function createServerPart(
  servers: Servers,
  name: string,
  start: () => Promise<void>,
  stopSignal: NodeJS.Signals,
  pausedAt: Map<string, Date>,
): Part {
  return {
    async kill(signal = 'SIGKILL') {
      const server = requireRunning(servers, name);
      server.signal(signal, signal === 'SIGKILL');
      if (signal === 'SIGKILL') await server.ended;
    },
    async start() {
      const server = servers.find(name);
      if (server && !server.end) throw new FleetError(`${name} is already running`);
      pausedAt.delete(name);
      await start();
    },
    async pause() {
      requireRunning(servers, name).signal('SIGSTOP', true);
      pausedAt.set(name, new Date());
    },
    async resume() {
      requireRunning(servers, name).signal('SIGCONT', true);
      pausedAt.delete(name);
    },
    async restart() {
      await servers.find(name)?.stop(stopSignal, graceMs);
      pausedAt.delete(name);
      await start();
    },
  };
}

/** @throws {FleetError} that says how to start it */
export function requireRunning(servers: Servers, name: string): ServerProcess {
  const server = servers.find(name);
  if (server && !server.end) return server;
  throw new FleetError(`${name} is down: start it again with "unsticky restart ${name}"`);
}

/** The versions that this machine's nginx and Redis report; "unknown" if one reports none. */
export function readVersions(env: NodeJS.ProcessEnv): { nginx: string; redis: string } {
  const read = (command: string, flag: string, pattern: RegExp) => {
    const options = { encoding: 'utf8', env: withSystemPath(env), timeout: 5000 } as const;
    const { stdout, stderr } = spawnSync(command, [flag], options);
    return pattern.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown'; // nginx writes it to standard error
  };
  return { nginx: read('nginx', '-v', /nginx\/(\S+)/), redis: read('redis-server', '--version', /v=(\S+)/) };
}

/**
 * The lines of redis.conf as arguments: Redis treats * and [ in the path of the file as a pattern, and if that matches
 * nothing, it runs without its settings.
 */
function redisOptions(folder: string): string[] {
  const lines = readFileSync(path.join(folder, 'redis.conf'), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [name, ...values] = line.trim().split(/\s+/);
    if (!name || name.startsWith('#')) return [];
    return [`--${name}`, ...values.map((value) => (value === '""' ? '' : value))];
  });
}
