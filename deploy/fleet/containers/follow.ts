import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { project } from './docker.ts';

/**
 * Writes what a `docker` command prints, a line at a time, until it ends or `ending` aborts.
 * @param errors `inherit` shows what it says of itself; `write` is for `docker logs`, which prints there what a container wrote there
 */
export async function followDocker(
  args: string[],
  env: NodeJS.ProcessEnv,
  write: (line: string) => void,
  { ending, errors = 'inherit' }: { ending?: AbortSignal | undefined; errors?: 'inherit' | 'write' } = {},
): Promise<void> {
  if (ending?.aborted) return;
  // Runs in a process group of its own: Ctrl-C ends it through the signal, once the last lines have come.
  const child = spawn('docker', args, {
    cwd: project,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', errors === 'write' ? 'pipe' : 'inherit'],
  });
  const stop = () => child.kill();
  ending?.addEventListener('abort', stop);
  await Promise.all([child.stdout, child.stderr].map((stream) => stream && writeLines(stream, write)));
  ending?.removeEventListener('abort', stop);
}

async function writeLines(stream: Readable, write: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) write(line);
}
