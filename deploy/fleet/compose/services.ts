import { spawn } from 'node:child_process';
import { describe } from './compose-status.ts';
import { containerOf, docker, project } from './docker.ts';
import { FleetError, type LogOptions, type Part, type RedisPart } from './fleet.ts';
import { waitFor } from './wait.ts';

/**
 * A service of docker-compose.yml that has one container. When it is back is asked of itself: Docker looks at its health
 * every two seconds only.
 */
export function createPart(service: string, answers: () => Promise<boolean>): Part {
  const id = async () => (await containerOf(service)).Id;
  const back = () => waitFor(`${service} does not answer`, answers, { timeoutMs: 30_000 });
  return {
    async kill(signal = 'SIGKILL') {
      await docker(['kill', '--signal', signal, await id()]);
      if (signal === 'SIGKILL') await docker(['wait', await id()]);
    },
    async start() {
      await docker(['start', await id()]);
      await back();
    },
    pause: async () => void (await docker(['pause', await id()])),
    resume: async () => void (await docker(['unpause', await id()])),
    async restart() {
      await docker(['restart', '--time', '8', await id()]);
      await back();
    },
  };
}

/** Any answer is nginx's, be it that all replicas are down. */
export function createNginxPart(): Part {
  return createPart('nginx', async () => {
    const { http } = await describe();
    const { status } = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) });
    return status > 0;
  });
}

export function createRedisPart(): RedisPart {
  const config = async (...args: string[]) => {
    const { Id } = await containerOf('redis');
    return (await docker(['exec', Id, 'redis-cli', '--no-raw', 'CONFIG', ...args])).trim();
  };
  const ping = async (ms: number) => {
    const { Id } = await containerOf('redis');
    return timed(['exec', Id, 'timeout', String(ms / 1000), 'redis-cli', 'ping'], /^PONG/);
  };
  return {
    ...createPart('redis', async () => (await ping(1000)) !== null),
    ping,
    async configure(parameter, value) {
      const former = await config('GET', parameter);
      const said = await config('SET', parameter, value); // redis-cli ends with 0 where Redis refuses, too
      if (said !== 'OK') throw new FleetError(`redis: CONFIG SET ${parameter} ${value}: ${said}`);
      return JSON.parse(/^2\) (".*")$/m.exec(former)?.[1] ?? '""') as string;
    },
  };
}

/** @returns how long a command took that said this, Docker's part in it included; null where it said something else, or failed */
export async function timed(command: string[], expected: RegExp): Promise<number | null> {
  const start = performance.now();
  const said = await docker(command).catch(() => '');
  return expected.test(said) ? performance.now() - start : null;
}

export async function composeLogs(
  { parts = [], lines, follow }: LogOptions,
  write: (line: string) => void,
): Promise<void> {
  const args = ['compose', 'logs', '--no-color', '--tail', String(lines), ...(follow ? ['--follow'] : []), ...parts];
  // In a process group of its own: Ctrl-C ends this by `follow`, once the last lines have come.
  const child = spawn('docker', args, { cwd: project, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => child.kill();
  follow?.addEventListener('abort', stop);
  let rest = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const whole = (rest + chunk).split('\n');
    rest = whole.pop() ?? '';
    for (const line of whole) write(line);
  }
  follow?.removeEventListener('abort', stop);
}
