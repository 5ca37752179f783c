import { existsSync, mkdtempSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Fleet } from '../fleet.ts';
import { type LocalOptions, startLocalFleet } from './fleet.ts';

/** nginx's access log is compared with what the users observed, so no part of it may be dropped. */
const maxLogBytes = 2 * 1024 ** 3;
const ramdisk = '/dev/shm';
const minRamdiskBytes = 2 ** 30;

export interface RunFleetOptions
  extends Pick<LocalOptions, 'replicas' | 'env' | 'settings' | 'main' | 'report' | 'redis'> {
  /** The network between replicas and Redis can be broken; that takes a proxy, which costs throughput. The default is true. */
  breakableNetwork?: boolean;
  /** The default is durable for a temporary fleet, and whatever is running for containers. */
  store?: string | undefined;
}

/**
 * Runs a local fleet on free ports and in a folder of its own for as long as `use` takes.
 * @returns what `use` returns; undefined if `ending` aborted before the fleet was up
 */
export async function withTemporaryFleet<T>(
  { store = 'durable', settings, breakableNetwork = true, ...options }: RunFleetOptions,
  ending: AbortSignal,
  use: (fleet: Fleet, dir: string, environment: Record<string, string>) => Promise<T>,
): Promise<T | undefined> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-'));
  const ramdiskFolder = putRedisOnRamdisk(dir);
  try {
    const fleet = await startLocalFleet({
      ...options,
      store,
      dir,
      http: 0,
      https: 0,
      settings: { LOG_LEVEL: 'warn', NODE_ENV: 'development', ...settings }, // the users speak http
      breakableNetwork,
      maxLogBytes,
    });
    try {
      return ending.aborted
        ? undefined
        : await use(fleet, dir, { 'append-only file': ramdiskFolder ? 'in memory' : 'on disk' });
    } finally {
      // The result matters more than an orderly end; what is still running ends with this process.
      await fleet.down().catch((err: Error) => options.report?.(`the fleet did not end in order: ${err.message}`));
    }
  } finally {
    for (const folder of [dir, ramdiskFolder]) if (folder) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Puts the Redis data of the fleet that will use this folder on a ramdisk, if there is room. For runs and tests about
 * processes that die: the data outlives them there too, and the disk of a busy machine stalls for half a second at times,
 * which makes responses 503.
 * @returns the folder on the ramdisk, to be removed with the other; undefined without room
 */
export function putRedisOnRamdisk(dir: string): string | undefined {
  if (!existsSync(ramdisk)) return undefined;
  const { bavail, bsize } = statfsSync(ramdisk);
  if (bavail * bsize < minRamdiskBytes) return undefined;
  const folder = mkdtempSync(path.join(ramdisk, 'unsticky-'));
  symlinkSync(folder, path.join(dir, 'redis'));
  return folder;
}
