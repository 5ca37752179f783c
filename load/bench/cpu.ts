import { globSync, readFileSync } from 'node:fs';

/** The processor time that a process has taken so far, in seconds; null where the system does not tell (macOS). */
export function readCpuSeconds(pid: number): number | null {
  const threads = globSync(`/proc/${pid}/task/*/schedstat`);
  if (threads.length === 0) return null;
  const nanoseconds = threads.map((file) => {
    try {
      return Number.parseInt(readFileSync(file, 'utf8'), 10);
    } catch {
      return 0; // the thread has ended meanwhile
    }
  });
  return nanoseconds.reduce((sum, own) => sum + own, 0) / 1e9;
}
