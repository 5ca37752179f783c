import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Settings } from '../fleet.ts';
import { findPort } from '../ports.ts';
import { createServers } from '../process.ts';
import { makeSecret } from '../secrets.ts';
import { pingRedis } from '../wait.ts';
import { replicaMain } from './files.ts';
import { startReplicaProcess } from './servers.ts';
import { isReady } from './status.ts';

interface BenchReplica {
  name: string;
  pid: number;
  url: string;
  adminUrl: string;
}

/**
 * Runs replicas with different settings on one Redis for as long as `use` takes. There is no nginx, and Redis writes
 * nothing to disk: both would only add noise to a comparison of replicas. A cookie of one is valid at all.
 */
export async function withReplicas<T>(
  env: NodeJS.ProcessEnv,
  settings: Record<string, Settings>,
  use: (replicas: BenchReplica[]) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-bench-'));
  const servers = createServers(dir, env);
  const taken = new Set<number>();
  try {
    const redisPort = await findPort(taken);
    const inMemory = ['--save', '', '--appendonly', 'no', '--dir', dir];
    const args = ['--bind', '127.0.0.1', '--port', String(redisPort), ...inMemory];
    const redis = await servers.start('redis', 'redis-server', args);
    await redis.ready(async () => (await pingRedis(redisPort, 1000)) !== null);
    const common = { ...env, SESSION_SECRETS: makeSecret(), NODE_ENV: 'development', LOG_LEVEL: 'warn' };
    const replicas: BenchReplica[] = [];
    for (const [name, own] of Object.entries(settings)) {
      const [port, adminPort] = [await findPort(taken), await findPort(taken)];
      const replica = { name, port, adminPort, redisPort };
      const { pid, ready } = await startReplicaProcess(servers.start, replica, replicaMain, { ...common, ...own });
      await ready(() => isReady(adminPort, pid));
      replicas.push({ name, pid, url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${adminPort}` });
    }
    return await use(replicas);
  } finally {
    for (const server of servers.all().toReversed()) await server.stop('SIGTERM', 5000);
    servers.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
