import {
  type Container,
  type Containers,
  findService,
  type Inspected,
  inspectContainers,
  replicasOf,
  runDocker,
} from '../containers/docker.ts';
import { FleetError, type Settings } from '../fleet.ts';
import { waitFor } from '../wait.ts';

/** Where Compose notes what a container or network is. */
export const label = 'com.docker.compose';

/** The containers of docker-compose.yml. */
export interface Docker extends Containers {
  /** The environment of `docker` itself. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs `docker`. */
  run(args: string[], variables?: Settings): Promise<string>;
  /** Runs `docker compose` with extra environment variables. */
  compose(args: string[], variables?: Settings): Promise<string>;
  /** The replicas' containers, by number. */
  replicas(): Promise<Container[]>;
  /** Resolves once a container is running and healthy. @throws {FleetError} after 30 s */
  healthy(id: string): Promise<void>;
}

interface Named {
  name: string;
}

export function createDocker(env: NodeJS.ProcessEnv): Docker {
  let project: string | undefined;

  /** By which Docker labels its containers. Compose reads it from the environment, `.env` or its file. */
  async function projectName(): Promise<string> {
    project ??= (JSON.parse(await docker.compose(['config', '--no-interpolate', '--format', 'json'])) as Named).name;
    return project;
  }

  const docker: Docker = {
    env,
    look: 'docker compose ps',
    run: (args, variables) => runDocker(args, { env, ...(variables && { variables }) }),
    runOn: (_container, args) => docker.run(args),
    compose: (args, variables) => docker.run(['compose', ...args], variables),
    async containers() {
      // `docker compose ps` takes seven times as long: it reads the project each time.
      const ofProject = `label=${label}.project=${await projectName()}`;
      const found = await inspectContainers(docker.run, ofProject);
      found.sort((a, b) => (a.Name < b.Name ? -1 : 1)); // `docker ps` has the newest first
      return found.map(toContainer);
    },
    replicas: async () => replicasOf(await docker.containers()),
    containerOf: async (service) => serviceOf(await docker.containers(), service),
    revive: async ({ Id }) => void (await docker.run(['start', Id])),
    restart: async ({ Id }) => void (await docker.run(['restart', '--time', '8', Id])),
    async healthy(id) {
      const isHealthy = async () => {
        const [container] = JSON.parse(await docker.run(['inspect', id])) as Inspected[];
        const { Status, Health } = container?.State ?? {};
        return Status === 'running' && (Health === undefined || Health.Status === 'healthy');
      };
      await waitFor(`container ${id.slice(0, 12)} is not healthy`, isHealthy, { timeoutMs: 30_000, everyMs: 100 });
    },
  };
  return docker;
}

function toContainer(container: Inspected): Container {
  const service = container.Config.Labels[`${label}.service`] ?? '';
  const number = Number(container.Config.Labels[`${label}.container-number`]);
  return { ...container, service, number, replica: `${service}-${number}` };
}

/** @throws {FleetError} if the service has no container */
export function serviceOf(containers: Container[], service: string): Container {
  const found = findService(containers, service);
  if (found) return found;
  throw new FleetError(`${service} is not up: run "docker compose up --build --detach --wait"`);
}
