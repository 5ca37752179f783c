import { existsSync, mkdtempSync, statfsSync, symlinkSync } from 'node:fs';
import path from 'node:path';

const memory = '/dev/shm';
const enoughBytes = 2 ** 30;

/**
 * Where there is room for it, the Redis of the fleet that will have this folder keeps its file in memory. For runs and tests,
 * which are about processes that die: what they have written outlives them there too. The disk of a busy machine stands still
 * for half a second at times, upon which an answer is 503, and rightly so.
 * @returns the folder in memory, to be removed with the other; undefined where there is no room
 */
export function keepRedisInMemory(dir: string): string | undefined {
  if (!existsSync(memory)) return undefined;
  const { bavail, bsize } = statfsSync(memory);
  if (bavail * bsize < enoughBytes) return undefined;
  const folder = mkdtempSync(path.join(memory, 'unsticky-'));
  symlinkSync(folder, path.join(dir, 'redis'));
  return folder;
}
