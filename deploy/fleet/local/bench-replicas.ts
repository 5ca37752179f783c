import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Settings } from '../../deploy/fleet/fleet.ts';
import { replicaMain } from '../../deploy/fleet/local-files.ts';
import { type StartServer, startReplica } from '../../deploy/fleet/local-servers.ts';
import { isReady } from '../../deploy/fleet/local-status.ts';
import { findPort } from '../../deploy/fleet/ports.ts';
import { startProcess } from '../../deploy/fleet/process.ts';
import { startReaper } from '../../deploy/fleet/reaper.ts';
import { pingRedis } from '../../deploy/fleet/redis-ping.ts';
import { makeSecret } from '../../deploy/fleet/secrets.ts';

/** A replica that is measured. */
export interface BenchReplica {
  name: string;
  pid: number;
  url: string;
  adminUrl: string;
}

/**
 * Starts replicas over one Redis, each with settings of its own, as long as `use` takes. There is no nginx, and Redis
 * keeps nothing on disk: what is compared is a replica, and both would only add noise. A cookie of one is good at all.
 */
export async function withReplicas<T>(
  settings: Record<string, Settings>,
  env: NodeJS.ProcessEnv,
  use: (replicas: BenchReplica[]) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-bench-'));
  const reaper = startReaper();
  const taken = new Set<number>();
  const stops: (() => Promise<void>)[] = [];
  const start: StartServer = async (name, command, args, more = {}) => {
    const logFile = path.join(dir, `${name}.log`);
    const server = await startProcess({ name, command, args, logFile, reaper, env, ...more });
    stops.unshift(() => server.stop('SIGTERM', 5000));
    return server;
  };
  try {
    const redisPort = await findPort(taken);
    const kept = ['--save', '', '--appendonly', 'no', '--dir', dir];
    const redis = await start('redis', 'redis-server', ['--bind', '127.0.0.1', '--port', String(redisPort), ...kept]);
    await redis.ready(async () => (await pingRedis(redisPort, 1000)) !== null);
    const common = { ...env, SESSION_SECRETS: makeSecret(), NODE_ENV: 'development', LOG_LEVEL: 'warn' };
    const replicas: BenchReplica[] = [];
    for (const [name, own] of Object.entries(settings)) {
      const [port, adminPort] = [await findPort(taken), await findPort(taken)];
      const server = await startReplica(start, { name, port, adminPort, redisPort }, replicaMain, {
        ...common,
        ...own,
      });
      await server.ready(() => isReady(adminPort, server.pid));
      const [url, adminUrl] = [port, adminPort].map((port) => `http://127.0.0.1:${port}`) as [string, string];
      replicas.push({ name, pid: server.pid, url, adminUrl });
    }
    return await use(replicas);
  } finally {
    for (const stop of stops) await stop();
    reaper.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
