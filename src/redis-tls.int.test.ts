import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createClient } from 'redis';
import { expect, onTestFinished, test } from 'vitest';
import { findPort } from '../deploy/fleet/ports.ts';
import { createVisitor, spawnReplica, until } from '../test/replica.ts';

// A replica that reaches Redis over TLS alone, in each topology: by one URL.

const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-redis-tls-'));
execFileSync('sh', ['nginx/certificate.sh', folder]);
const certificate = path.join(folder, 'tls.crt');
const tls = ['--tls-cert-file', certificate, '--tls-key-file', path.join(folder, 'tls.key')];
const options = [...tls, '--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no', '--port', '0', '--dir', folder];

function serve(args: string[]): void {
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
}

async function ask(port: number, ...command: string[]): Promise<unknown> {
  const socket = {
    host: '127.0.0.1',
    port,
    tls: true as const,
    rejectUnauthorized: false,
    reconnectStrategy: false as const,
  };
  const client = createClient({ socket });
  client.on('error', () => {});
  await client.connect();
  return client.sendCommand(command).finally(() => client.destroy());
}

async function startServer(...more: string[]): Promise<number> {
  const port = await findPort();
  serve(['--tls-port', String(port), '--save', '', ...options, ...more]);
  await until(() => ask(port, 'PING'));
  return port;
}

/** @returns the settings of a replica */
const topologies: Record<string, () => Promise<Record<string, string>>> = {
  async 'one server'() {
    return { REDIS_URL: `rediss://127.0.0.1:${await startServer()}` };
  },
  async 'a primary that sentinels name'() {
    const port = await startServer();
    const sentinel = await findPort();
    const file = path.join(folder, 'sentinel.conf');
    writeFileSync(file, `sentinel monitor unsticky 127.0.0.1 ${port} 1\n`);
    serve([file, '--sentinel', '--tls-port', String(sentinel), '--tls-replication', 'yes', ...options]);
    await until(() => ask(sentinel, 'PING'));
    const known = { REDIS_SENTINELS: `127.0.0.1:${sentinel}`, REDIS_MASTER: 'unsticky' };
    return { ...known, REDIS_URL: 'rediss://host', REDIS_WAIT_REPLICAS: '0' };
  },
  async 'a Cluster'() {
    const bus = ['--cluster-port', String(await findPort())];
    const port = await startServer('--cluster-enabled', 'yes', '--tls-cluster', 'yes', ...bus);
    await ask(port, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    return { REDIS_CLUSTER: `127.0.0.1:${port}`, REDIS_URL: 'rediss://host', REDIS_WAIT_REPLICAS: '0' };
  },
};

test.each(Object.entries(topologies))('%s', async (_, start) => {
  const settings = await start();
  const replica = await spawnReplica({ ...settings, NODE_EXTRA_CA_CERTS: certificate });
  onTestFinished(() => void replica.child.kill('SIGKILL'));
  const visitor = createVisitor(replica.url);
  await until(async () => (await visitor.send('POST', '/login', { name: 'Ada' })).status === 200);
  expect((await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 })).status).toBe(201);
  expect((await visitor.send('GET', '/sessions')).body.sessions).toHaveLength(1);
});
