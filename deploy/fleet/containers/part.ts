import type { Part } from '../fleet.ts';
import { waitFor } from '../wait.ts';
import type { Containers } from './docker.ts';

/** Swarm starts another one five seconds after the end of one. */
const backMs = 40_000;

/**
 * A service with one container. Asks the service itself whether it is back: Docker checks its health only every two seconds.
 */
export function createServicePart(docker: Containers, service: string, answers: () => Promise<boolean>): Part {
  const run = async (...args: string[]) => {
    const container = await docker.containerOf(service);
    await docker.runOn(container, [...args, container.Id]);
    return container;
  };
  const back = () => waitFor(`${service} does not answer`, answers, { timeoutMs: backMs });
  return {
    async kill(signal = 'SIGKILL') {
      const container = await run('kill', '--signal', signal);
      if (signal === 'SIGKILL') await docker.runOn(container, ['wait', container.Id]);
    },
    async start() {
      await docker.revive(await docker.containerOf(service));
      await back();
    },
    pause: async () => void (await run('pause')),
    resume: async () => void (await run('unpause')),
    async restart() {
      await docker.restart(await docker.containerOf(service));
      await back();
    },
  };
}

/** Any response shows that nginx is up, even if all replicas are down. @param http gives its address */
export function createNginxPart(docker: Containers, http: () => Promise<string>): Part {
  return createServicePart(docker, 'nginx', async () => {
    const { status } = await fetch(`${await http()}/whoami`, { signal: AbortSignal.timeout(1000) });
    return status > 0;
  });
}
