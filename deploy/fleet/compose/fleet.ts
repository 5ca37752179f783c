import { checkCount, type Fleet, pickReplica, type Reporter } from '../fleet.ts';
import { findService, replicasOf } from '../containers/docker.ts';
import { createNginxPart } from '../containers/part.ts';
import { createContainerRedis } from '../containers/redis.ts';
import { toPartStatus, toStatus } from '../containers/status.ts';
import { createDocker } from './docker.ts';
import { writeComposeLogs } from './logs.ts';
import { createComposeNetwork } from './network.ts';
import { deployReplicas, rotateSecrets, scaleReplicas } from './replicas.ts';
import { describe, prometheusOf, readRequestsServed } from './status.ts';

/**
 * Drives the containers that `docker compose up` started from docker-compose.yml. All state is Docker's.
 * @throws {FleetError} from every method, if Docker or the fleet is not there
 */
export function createComposeFleet(env: NodeJS.ProcessEnv): Fleet {
  const docker = createDocker(env);
  const replica = async (number: number) => pickReplica(await docker.replicas(), number);
  const fleet: Fleet = {
    driver: 'compose',
    describe: async () => describe(await docker.containers()),
    async replicas() {
      const containers = await docker.containers();
      const served = await readRequestsServed(prometheusOf(containers));
      return replicasOf(containers).map((container) => toStatus(container, served));
    },
    async parts() {
      const containers = await docker.containers();
      const report = await fleet.redis.report(1000).catch(() => null);
      return (['nginx', 'redis', 'prometheus'] as const).flatMap((name) => {
        const container = findService(containers, name);
        return container ? [toPartStatus(name, container, report)] : [];
      });
    },
    async scale(count, report, settings) {
      checkCount(count);
      await scaleReplicas(docker, count, settings);
      report?.(`there are ${count} replicas`);
    },
    async kill(number, signal = 'SIGKILL') {
      const { Id } = await replica(number);
      // The engine counts this as a manual stop: `restart: always` does not bring the container back.
      await docker.run(['kill', '--signal', signal, Id]);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await docker.run(['wait', Id]);
    },
    pause: async (number) => void (await docker.run(['pause', (await replica(number)).Id])),
    resume: async (number) => void (await docker.run(['unpause', (await replica(number)).Id])),
    async restart(number) {
      const container = await replica(number);
      if (container.State.Status === 'paused') await docker.run(['unpause', container.Id]);
      await docker.restart(container);
      await docker.healthy(container.Id);
    },
    async roll(report) {
      for (const { number, replica } of await docker.replicas()) {
        await fleet.restart(number);
        report?.(`${replica} is back`);
      }
    },
    deploy: (settings, report) => deployReplicas(docker, settings, report),
    rotateSecret: (report) => rotateSecrets(docker, report),
    logs: (options, write) => writeComposeLogs(docker, options, write),
    down: async () => void (await docker.compose(['down'])),
    redis: createContainerRedis(docker),
    network: createComposeNetwork(docker),
    proxy: {
      ...createNginxPart(docker, async () => (await fleet.describe()).http),
      reload: async () => void (await docker.run(['kill', '--signal', 'HUP', (await docker.containerOf('nginx')).Id])),
    },
  };
  return fleet;
}

/** The defaults of docker-compose.yml. */
const usualPorts = { HTTP_PORT: 8080, HTTPS_PORT: 8443, PROMETHEUS_PORT: 9090 };

/** The variables of ports other than the usual ones: a file .env may set those, and a variable has priority over it. */
export function publishedPorts({ http, https, prometheus }: { http: number; https: number; prometheus?: number }) {
  const asked: Record<string, number | undefined> = { HTTP_PORT: http, HTTPS_PORT: https, PROMETHEUS_PORT: prometheus };
  const others = Object.entries(usualPorts).filter(
    ([name, usual]) => asked[name] !== undefined && asked[name] !== usual,
  );
  return Object.fromEntries(others.map(([name]) => [name, String(asked[name])]));
}

/** Builds the image if needed and starts the containers. Resolves once all are healthy. */
export async function startComposeFleet(
  env: NodeJS.ProcessEnv,
  replicas: number,
  store: string,
  ports: Parameters<typeof publishedPorts>[0],
  report?: Reporter,
): Promise<Fleet> {
  checkCount(replicas);
  report?.('docker compose up --build …');
  const args = ['up', '--build', '--detach', '--wait', '--scale', `app=${replicas}`];
  await createDocker(env).compose(args, { SESSION_STORE: store, ...publishedPorts(ports) });
  return createComposeFleet(env);
}
