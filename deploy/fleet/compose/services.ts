import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { LogOptions, Part } from '../fleet.ts';
import { waitFor } from '../wait.ts';
import { type Docker, project } from './docker.ts';
import { describe } from './status.ts';

/**
 * A service of docker-compose.yml with one container. Asks the service itself whether it is back: Docker checks its health
 * only every two seconds.
 */
export function createServicePart(docker: Docker, service: string, answers: () => Promise<boolean>): Part {
  const id = async () => (await docker.containerOf(service)).Id;
  const back = () => waitFor(`${service} does not answer`, answers, { timeoutMs: 30_000 });
  return {
    async kill(signal = 'SIGKILL') {
      await docker.run(['kill', '--signal', signal, await id()]);
      if (signal === 'SIGKILL') await docker.run(['wait', await id()]);
    },
    async start() {
      await docker.run(['start', await id()]);
      await back();
    },
    pause: async () => void (await docker.run(['pause', await id()])),
    resume: async () => void (await docker.run(['unpause', await id()])),
    async restart() {
      await docker.run(['restart', '--time', '8', await id()]);
      await back();
    },
  };
}

/** Any response shows that nginx is up, even if all replicas are down. */
export function createComposeNginx(docker: Docker): Part {
  return createServicePart(docker, 'nginx', async () => {
    const { http } = describe(await docker.containers());
    const { status } = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) });
    return status > 0;
  });
}

/** @returns the milliseconds of a Docker command with this output; null if it fails or prints something else */
export async function measure(docker: Docker, command: string[], expected: RegExp): Promise<number | null> {
  const start = performance.now();
  const output = await docker.run(command).catch(() => '');
  return expected.test(output) ? performance.now() - start : null;
}

/** The last lines of all parts in the order of their times, then new ones. */
export async function writeComposeLogs(
  docker: Docker,
  { parts = [], lines, follow }: LogOptions,
  write: (line: string) => void,
): Promise<void> {
  const now = new Date().toISOString();
  const last = await docker.compose([...logs, '--timestamps', '--until', now, '--tail', String(lines), ...parts]);
  const timed = last.split('\n').flatMap((line) => (line === '' ? [] : splitTime(line)));
  for (const { line } of timed.sort((a, b) => (a.time < b.time ? -1 : 1))) write(line);
  if (follow) await followLogs(docker, ['--since', now, ...parts], write, follow);
}

const logs = ['logs', '--no-color'];

/** `part | 2026-01-31T12:00:00.123456789Z text`: times of one length. */
function splitTime(line: string): { time: string; line: string } {
  const [, part = '', time = '', text = ''] = /^([^|]*\| )(\S+) ?(.*)$/s.exec(line) ?? [];
  return { time, line: part + text };
}

async function followLogs({ env }: Docker, args: string[], write: (line: string) => void, ending: AbortSignal) {
  if (ending.aborted) return;
  // Runs in a process group of its own: Ctrl-C ends it through the signal, once the last lines have come.
  const command = ['compose', ...logs, '--follow', ...args];
  const child = spawn('docker', command, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => child.kill();
  ending.addEventListener('abort', stop);
  for await (const line of createInterface({ input: child.stdout })) write(line);
  ending.removeEventListener('abort', stop);
}
