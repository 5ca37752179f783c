import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../deploy/fleet/wait.ts';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { type LocalOptions, startLocalFleet } from '../deploy/fleet/local/fleet.ts';
import { putRedisOnRamdisk } from '../deploy/fleet/local/temporary.ts';

// Support for the tests of fleets.

/** Creates a folder for a fleet. */
export function makeDir(): { dir: string; remove(): void } {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
  const inMemory = putRedisOnRamdisk(dir);
  const remove = () => {
    for (const folder of [dir, inMemory]) if (folder) rmSync(folder, { recursive: true, force: true });
  };
  return { dir, remove };
}

/** Starts a local fleet in a folder of its own, on free ports, without Prometheus unless asked for. */
export async function startTestFleet(
  options: Partial<LocalOptions> = {},
): Promise<{ fleet: Fleet; http: string; end(): Promise<void> }> {
  const { dir, remove } = options.dir ? { dir: options.dir, remove: () => {} } : makeDir();
  const fleet = await startLocalFleet({
    replicas: 3,
    store: 'durable',
    dir,
    http: 0,
    https: 0,
    env: process.env,
    ...options,
  });
  const end = () => fleet.down().finally(remove);
  return { fleet, http: (await fleet.describe()).http, end };
}

const project = fileURLToPath(new URL('..', import.meta.url));

/** Runs `unsticky` with these arguments, in the checkout or another folder. */
export function startCommand(args: string[], env: NodeJS.ProcessEnv = process.env, cwd = project) {
  const child = spawn(process.execPath, [`${project}bin/unsticky.ts`, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, exited, out: () => out };
}

/** The processes that `pid` has started, directly or not. */
export function descendantsOf(pid: number): number[] {
  const pairs = existsSync('/proc/self/stat') ? parentsFromProc() : parentsFromPs();
  const found = [pid];
  for (const parent of found) found.push(...pairs.filter(([, ppid]) => ppid === parent).map(([child]) => child));
  return found.slice(1);
}

/** The command line of a process; empty if it has ended. Any user may read it, unlike its environment. */
export function commandOf(pid: number): string {
  if (!existsSync('/proc/self/cmdline'))
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') : '';
}

type ProcessAndParent = [pid: number, ppid: number];

/** A minimal Debian has no ps. */
function parentsFromProc(): ProcessAndParent[] {
  return globSync('/proc/[0-9]*/stat').flatMap((file): ProcessAndParent[] => {
    try {
      const stat = readFileSync(file, 'utf8');
      const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [[Number.parseInt(stat, 10), Number(ppid)]];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

function parentsFromPs(): ProcessAndParent[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number) as ProcessAndParent);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The processes of the nginx of a fleet that this process has started, the master first; not those of the nginx in front of Prometheus. */
export function nginxOf(): number[] {
  const master = descendantsOf(process.pid).find((pid) => /^nginx: master.* nginx\.conf/.test(commandOf(pid)));
  return master === undefined ? [] : [master, ...descendantsOf(master)];
}

/**
 * Makes a change that reloads nginx. Resolves once its former workers are gone: as they end, they may close a connection that is
 * reused, or that they have just accepted. Users send such a request again on a new connection.
 */
export async function reloading(change: () => Promise<unknown>): Promise<void> {
  const [, ...former] = nginxOf();
  await change();
  await waitFor('the former workers are gone', async () => !former.some(isAlive), { timeoutMs: 10_000 });
}

/** Sends `count` requests in sequence. @returns the number of responses per replica */
export async function countAnswers(
  url: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let sent = 0; sent < count; sent++) {
    const response = await fetch(`${url}/whoami`, { headers });
    await response.body?.cancel();
    const name = response.headers.get('X-Served-By') ?? 'none';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
