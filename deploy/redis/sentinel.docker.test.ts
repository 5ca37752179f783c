import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../fleet/wait.ts';

const docker = (...args: string[]) => execFileSync('docker', args, { stdio: 'pipe', encoding: 'utf8' });
const image = process.env.REDIS_IMAGE ?? 'redis:8';

test('a sentinel that restarts waits until the name of another one resolves', async () => {
  const data = mkdtempSync(path.join(os.tmpdir(), 'unsticky-sentinel-'));
  chmodSync(data, 0o777);
  const conf = `port 26379
dir /data
sentinel resolve-hostnames yes
sentinel monitor unsticky localhost 6379 2
sentinel auth-pass unsticky before
sentinel known-sentinel unsticky gone 26379 ${'1'.repeat(40)}
sentinel known-sentinel unsticky other 26379 ${'2'.repeat(40)}
`;
  writeFileSync(path.join(data, 'sentinel.conf'), conf, { mode: 0o666 });
  writeFileSync(path.join(data, 'redis_url'), 'redis://app:secret@redis:6379', { mode: 0o644 });
  const network = `unsticky-sentinel-test-${process.pid}`;
  docker('network', 'create', network);
  onTestFinished(() => void docker('network', 'rm', network));
  const run = (...args: string[]) => {
    const id = docker('run', '--detach', '--network', network, ...args).trim();
    onTestFinished(() => void docker('rm', '--force', '--volumes', id));
    return id;
  };
  const script = path.resolve('deploy/redis/sentinel.sh');
  const mounts = [`${data}:/data`, `${data}/redis_url:/run/secrets/redis_url:ro`, `${script}:/sentinel.sh:ro`];
  const sentinel = run(
    ...mounts.flatMap((mount) => ['--volume', mount]),
    ...['--env', 'REDIS_HOSTNAME=sentinel', '--entrypoint', 'sh', image, '/sentinel.sh'],
  );
  const runs = (command: string) => docker('top', sentinel, '-o', 'pid,args').includes(command);
  await waitFor('it waits', async () => runs('sleep 1'), { timeoutMs: 10_000, everyMs: 50 });
  expect(runs('redis-server')).toBe(false);
  run('--network-alias', 'other', '--entrypoint', 'sleep', image, '60');
  await waitFor('it runs', async () => runs('redis-server'), { timeoutMs: 10_000, everyMs: 100 });
  expect(docker('exec', sentinel, 'cat', '/data/sentinel.conf')).not.toContain('auth-pass unsticky before');
});
