import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { startLocalFleet } from '../deploy/fleet/local.ts';
import { keepRedisInMemory } from '../deploy/fleet/memory.ts';

/** nginx's access log is compared with what users saw, so none of it may be cut away. */
const mostLogBytes = 2 * 1024 ** 3;

export interface OwnFleet {
  replicas: number;
  store: string;
  env: NodeJS.ProcessEnv;
  report?: (line: string) => void;
  /** Instead of the replica's own main file: a broken one. */
  main?: string;
  settings?: Record<string, string>;
}

/**
 * Starts a local fleet for one run, on free ports and in a folder of its own, and ends it whatever happens.
 * @returns what `use` returns; undefined where it was told to end before the fleet was up
 */
export async function withRunFleet<T>(
  { replicas, store, env, report, main, settings }: OwnFleet,
  ending: AbortSignal,
  use: (fleet: Fleet, dir: string, environment: Record<string, string>) => Promise<T>,
): Promise<T | undefined> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-'));
  const inMemory = keepRedisInMemory(dir);
  try {
    const fleet = await startLocalFleet({
      replicas,
      store,
      dir,
      http: 0,
      https: 0,
      env,
      settings: { LOG_LEVEL: 'warn', NODE_ENV: 'development', ...settings }, // users speak http
      links: true,
      mostLogBytes,
      ...(report && { report }),
      ...(main && { main }),
    });
    try {
      return ending.aborted
        ? undefined
        : await use(fleet, dir, { 'append-only file': inMemory ? 'in memory' : 'on disk' });
    } finally {
      // What was seen is worth more than an end in order; what is left running ends with this process.
      await fleet.down().catch((err: Error) => report?.(`the fleet did not end in order: ${err.message}`));
    }
  } finally {
    for (const folder of [dir, inMemory]) if (folder) rmSync(folder, { recursive: true, force: true });
  }
}
