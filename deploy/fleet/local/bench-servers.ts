import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { FleetError, type Settings } from '../fleet.ts';
import { findPort, findPorts } from '../ports.ts';
import { createServers, type Servers } from '../process.ts';
import { makeSecret } from '../secrets.ts';
import { pingRedis } from '../probe-redis.ts';
import { replicaMain, sessionLayer } from './files.ts';
import { startReplicaProcess } from './servers.ts';
import { isReady } from './status.ts';

interface BenchReplica {
  name: string;
  pid: number;
  url: string;
  adminUrl: string;
}

/** Servers to be measured, on one Redis that writes nothing to disk: that would only add noise to a comparison. */
export interface BenchServers {
  redisPort: number;
  /** Starts a replica of this application. Resolves once it is ready. A cookie of one is valid at all. */
  startReplica(name: string, settings: Settings, database?: number): Promise<BenchReplica>;
  /** Starts a primary with two replicas and three sentinels, in memory too. @returns the settings of a replica that uses it */
  startSentinels(): Promise<Settings>;
  /** Starts another application, which listens on PORT. Resolves once it answers. */
  startPeer(name: string, main: string, settings: Settings): Promise<BenchReplica>;
  /** Starts nginx with one worker before these groups. @returns the address of each group */
  startNginx(groups: Record<string, BenchReplica[]>): Promise<Record<string, string>>;
}

/** Gives `use` servers for as long as it takes. */
export async function withBenchServers<T>(
  env: NodeJS.ProcessEnv,
  use: (servers: BenchServers) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-bench-'));
  const servers = createServers(dir, env);
  const common = { ...env, SESSION_SECRETS: makeSecret(), NODE_ENV: 'development', LOG_LEVEL: 'warn' };
  try {
    const redisPort = await findPort();
    const inMemory = ['--save', '', '--appendonly', 'no', '--dir', dir];
    const startRedis = async (name: string, port: number, ...more: string[]) => {
      const args = ['--bind', '127.0.0.1', '--port', String(port), ...inMemory, ...more];
      const redis = await servers.start(name, 'redis-server', args);
      await redis.ready(async () => (await pingRedis(port, 1000)) !== null);
    };
    await startRedis('redis', redisPort);

    const start = async (name: string, main: string, settings: Settings, database?: number) => {
      const [port, adminPort] = [await findPort(), await findPort()];
      const replica = { name, port, adminPort, redisPort };
      const server = await startReplicaProcess(servers.start, replica, main, { ...common, ...settings }, database);
      const url = `http://127.0.0.1:${port}`;
      return { server, adminPort, replica: { name, pid: server.pid, url, adminUrl: `http://127.0.0.1:${adminPort}` } };
    };
    return await use({
      redisPort,
      async startReplica(name, settings, database) {
        const { server, adminPort, replica } = await start(name, replicaMain, settings, database);
        await server.ready(() => isReady(adminPort, server.pid));
        return replica;
      },
      async startSentinels() {
        const ports = await findPorts(6);
        const [primary, ...others] = ports.map(String) as [string, ...string[]];
        await startRedis('primary', Number(primary));
        for (const port of others.slice(0, 2))
          await startRedis(`follower-${port}`, Number(port), '--replicaof', '127.0.0.1', primary);
        for (const port of others.slice(2)) await startSentinel(servers, dir, Number(port), primary);
        return {
          REDIS_SENTINELS: others
            .slice(2)
            .map((port) => `127.0.0.1:${port}`)
            .join(),
          REDIS_MASTER: 'bench',
        };
      },
      async startPeer(name, main, settings) {
        const { server, replica } = await start(name, main, { SESSION_LAYER: sessionLayer, ...settings });
        await server.ready(() => responds(replica.url));
        return replica;
      },
      async startNginx(groups) {
        const ports: Record<string, number> = {};
        for (const name of Object.keys(groups)) ports[name] = await findPort();
        const file = path.join(dir, 'nginx.conf');
        writeFileSync(file, nginxConf(groups, ports));
        const nginx = await servers.start('nginx', 'nginx', ['-p', dir, '-c', file, '-e', 'stderr']);
        const urls = Object.entries(ports).map(([name, port]) => [name, `http://127.0.0.1:${port}`] as const);
        for (const [, url] of urls) await nginx.ready(() => responds(url));
        return Object.fromEntries(urls);
      },
    });
  } finally {
    for (const server of servers.all().toReversed()) await server.stop('SIGTERM', 5000);
    servers.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function startSentinel(servers: Servers, dir: string, port: number, primary: string): Promise<void> {
  const file = path.join(dir, `sentinel-${port}.conf`);
  writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsentinel monitor bench 127.0.0.1 ${primary} 2\n`);
  const sentinel = await servers.start(`sentinel-${port}`, 'redis-server', [file, '--sentinel']);
  await sentinel.ready(async () => (await pingRedis(port, 1000)) !== null);
}

async function responds(url: string): Promise<boolean> {
  const response = await fetch(`${url}/profile`, { signal: AbortSignal.timeout(1000) });
  await response.body?.cancel();
  return response.status < 502;
}

/** One worker, connections that are kept, and no log: the same for each group, and as cheap as nginx can be. */
function nginxConf(groups: Record<string, BenchReplica[]>, ports: Record<string, number>): string {
  const sites = Object.entries(groups).map(([name, replicas]) => {
    const servers = replicas.map(({ url }) => `server ${new URL(url).host};`).join(' ');
    return `
    upstream ${name} { ${servers} keepalive 64; keepalive_requests 10000000; }
    server {
        listen 127.0.0.1:${ports[name]};
        location / { proxy_pass http://${name}; }
    }`;
  });
  return `
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 10000000;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
${sites.join('\n')}
}
`;
}

/**
 * Installs the packages of the peers beside their programs, unless they are there.
 * @throws {FleetError} with npm's last lines
 */
export async function installPeers(dir: string): Promise<void> {
  const [lock, installed] = ['package-lock.json', 'node_modules/.installed-lock.json'].map((name) =>
    path.join(dir, name),
  );
  const read = (file = '') => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  if (read(lock) === read(installed)) return;
  try {
    await promisify(execFile)('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], { cwd: dir });
  } catch (cause) {
    const lines = String((cause as { stderr?: string }).stderr ?? cause).split('\n');
    throw new FleetError(`npm could not install the packages of ${dir}`, lines.slice(-8), { cause });
  }
  cpSync(lock as string, installed as string);
}
