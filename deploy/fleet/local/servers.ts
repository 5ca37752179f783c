import { compileCache, type LocalFiles } from './local-files.ts';
import type { LocalReplica } from './local-status.ts';
import type { ServerProcess } from './process.ts';
import { pingRedis } from './redis-ping.ts';
import { answers } from './wait.ts';

/** Starts one server of the fleet, under the fleet's care. */
export type StartServer = (
  name: string,
  command: string,
  args: string[],
  more?: { env?: NodeJS.ProcessEnv; cwd?: string },
) => Promise<ServerProcess>;

/** Starts a replica with its settings. It is not ready yet. */
export function startReplica(
  start: StartServer,
  { name, port, adminPort, redisPort }: Pick<LocalReplica, 'name' | 'port' | 'adminPort' | 'redisPort'>,
  main: string,
  settings: NodeJS.ProcessEnv,
): Promise<ServerProcess> {
  const env = {
    NODE_COMPILE_CACHE: compileCache,
    ...settings,
    REPLICA: name,
    HOST: '127.0.0.1',
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
  };
  return start(name, process.execPath, [main], { env });
}

/** Resolves once it answers; so do the others below. */
export async function startRedis(start: StartServer, files: LocalFiles, port: number): Promise<void> {
  const args = ['redis.conf', '--bind', '127.0.0.1', '--port', String(port)];
  const server = await start('redis', 'redis-server', args, { cwd: files.redis });
  await server.ready(async () => (await pingRedis(port, 1000)) !== null);
}

export async function startNginx(start: StartServer, files: LocalFiles, httpPort: number): Promise<void> {
  const dir = files.nginx;
  const args = ['-p', dir, '-c', `${dir}/nginx.conf`, '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;'];
  const server = await start('nginx', 'nginx', args);
  // Any answer is nginx's, be it that all replicas are down.
  const url = `http://127.0.0.1:${httpPort}/whoami`;
  await server.ready(() => fetch(url, { signal: AbortSignal.timeout(1000) }).then((response) => response.status > 0));
}

export async function startPrometheus(start: StartServer, files: LocalFiles, port: number): Promise<void> {
  const retention = ['--storage.tsdb.retention.time=1d', '--storage.tsdb.retention.size=1GB'];
  const data = ['--storage.tsdb.path=data', ...retention, '--log.level=warn'];
  const args = ['--config.file=prometheus.yml', `--web.listen-address=127.0.0.1:${port}`, ...data];
  const server = await start('prometheus', 'prometheus', args, { cwd: files.prometheus });
  await server.ready(() => answers(`http://127.0.0.1:${port}/-/ready`));
}
