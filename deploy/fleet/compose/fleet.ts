import { createComposeLinks } from './compose-links.ts';
import { composeLogs, createNginxPart, createRedisPart } from './compose-parts.ts';
import { deployReplicas, rotateSecrets, scaleReplicas } from './compose-replicas.ts';
import { describe, requestsServed, statusOf } from './compose-status.ts';
import { appContainers, compose, containerOf, docker, healthy } from './docker.ts';
import { checkCount, type Fleet, pickReplica } from './fleet.ts';

/**
 * Drives what `docker compose up` has started from docker-compose.yml. All state is Docker's: it keeps none.
 * @throws {FleetError} from every method, where Docker or the fleet is not there
 */
export function createComposeFleet(): Fleet {
  const replica = async (number: number) => {
    const found = pickReplica(await appContainers(), number);
    return found.container;
  };
  const fleet: Fleet = {
    driver: 'compose',
    describe,
    replicas: async () => {
      const served = await requestsServed();
      return (await appContainers()).map(({ number, container }) => statusOf(number, container, served));
    },
    async scale(count, report, settings) {
      checkCount(count);
      await scaleReplicas(count, settings);
      report?.(`there are ${count} replicas`);
    },
    async kill(number, signal = 'SIGKILL') {
      const { Id } = await replica(number);
      // The engine counts this as a manual stop: `restart: always` does not bring the container back.
      await docker(['kill', '--signal', signal, Id]);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await docker(['wait', Id]);
    },
    pause: async (number) => void (await docker(['pause', (await replica(number)).Id])),
    resume: async (number) => void (await docker(['unpause', (await replica(number)).Id])),
    async restart(number) {
      const { Id, State } = await replica(number);
      if (State.Status === 'paused') await docker(['unpause', Id]);
      await docker(['restart', '--time', '8', Id]);
      await healthy(Id);
    },
    async roll(report) {
      for (const { number, container } of await appContainers()) {
        await fleet.restart(number);
        report?.(`${container.Config.Hostname} is back`);
      }
    },
    deploy: (settings, report) => deployReplicas(settings, report),
    rotateSecret: (report) => rotateSecrets(report),
    logs: composeLogs,
    down: async () => void (await compose(['down'])),
    redis: createRedisPart(),
    links: createComposeLinks(),
    proxy: {
      ...createNginxPart(),
      reload: async () => void (await docker(['kill', '--signal', 'HUP', (await containerOf('nginx')).Id])),
    },
  };
  return fleet;
}

/** Builds the image where it is needed, and starts the containers. Resolves once all are healthy. */
export async function startComposeFleet(
  replicas: number,
  store: string,
  report: (line: string) => void,
): Promise<Fleet> {
  checkCount(replicas);
  report('docker compose up --build …');
  await compose(['up', '--build', '--detach', '--wait', '--scale', `app=${replicas}`], { SESSION_STORE: store });
  return createComposeFleet();
}
