import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findPort } from '../deploy/fleet/ports.ts';

// Support for tests on containers.

/** Runs docker compose for the project that the environment names. @returns its output */
export const compose = (...args: string[]) =>
  execFileSync('docker', ['compose', ...args], { stdio: 'pipe', encoding: 'utf8' });

/**
 * Starts containers as a project of its own on free ports, which leaves a running fleet alone, and names it in the
 * environment. It first removes what an interrupted run left of this project; else new replicas would have higher numbers.
 * Redis's files are in memory: on a disk that is busy with starting containers an fsync may take half a second, and a response
 * is then rightly 503.
 * @param files what docker-compose.yml is extended with
 * @returns a function that ends them and removes what they wrote
 */
export async function startCompose(
  project: string,
  { replicas = 3, files = [] }: { replicas?: number; files?: string[] } = {},
): Promise<() => void> {
  Object.assign(process.env, { COMPOSE_PROJECT_NAME: project, SESSION_SECRETS: 's'.repeat(32) });
  for (const name of ['HTTP_PORT', 'HTTPS_PORT', 'PROMETHEUS_PORT']) process.env[name] = String(await findPort());
  process.env.COMPOSE_FILE = ['docker-compose.yml', ...files].join(':');
  const down = () => compose('--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '3');
  down();
  const memory = mkdtempSync(`/dev/shm/${project}-`);
  const end = () => {
    try {
      down();
    } finally {
      rmSync(memory, { recursive: true, force: true });
    }
  };
  try {
    process.env.COMPOSE_FILE += `:${describeMemory(memory)}`;
    compose('up', '--build', '--detach', '--wait', '--scale', `app=${replicas}`);
  } catch (err) {
    end();
    throw err;
  }
  return end;
}

/** @returns the file of Compose that puts the volumes of all servers of Redis into this folder */
function describeMemory(folder: string): string {
  const names = compose('config', '--volumes').split('\n');
  const volumes = names.filter((name) => name.startsWith('redis')).map((name) => [name, bind(path.join(folder, name))]);
  const file = path.join(folder, 'memory.json');
  writeFileSync(file, JSON.stringify({ volumes: Object.fromEntries(volumes) }));
  return file;
}

function bind(device: string) {
  mkdirSync(device);
  chmodSync(device, 0o777); // for the user of the container
  return { driver: 'local', driver_opts: { type: 'none', o: 'bind', device } };
}
