import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { FleetError, type Settings } from '../fleet.ts';
import { waitFor } from '../wait.ts';

/** The folder of docker-compose.yml. */
export const project = fileURLToPath(new URL('../../..', import.meta.url));
const timeoutMs = 300_000;
/** Where Compose notes what a container or network is. */
export const label = 'com.docker.compose';

/** The containers of docker-compose.yml, by Docker's command line. */
export interface Docker {
  /** The environment of `docker` itself. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs `docker`. @returns its output @throws {FleetError} with its last lines if it fails or takes more than 5 minutes */
  run(args: string[], variables?: Settings): Promise<string>;
  /** Runs `docker compose` with extra environment variables. */
  compose(args: string[], variables?: Settings): Promise<string>;
  /** The containers of all services, running or not. Takes two calls of `docker`, each about 0.1 s. */
  containers(): Promise<Container[]>;
  /** The replicas' containers by number; `docker compose ps` sorts by name, where 10 comes before 2. */
  replicas(): Promise<{ number: number; container: Container }[]>;
  /** @throws {FleetError} if the service is not up */
  containerOf(service: string): Promise<Container>;
  /** Resolves once a container is running and healthy. @throws {FleetError} after 30 s */
  healthy(id: string): Promise<void>;
}

/** As `docker inspect` prints it. */
export interface Container {
  Id: string;
  Name: string;
  State: { Status: string; StartedAt: string; FinishedAt: string; Health?: { Status: string } };
  Config: { Hostname: string; Image: string; Env: string[]; Labels: Record<string, string> };
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string }>;
    Ports: Record<string, { HostPort: string }[] | null>;
  };
}

export function createDocker(env: NodeJS.ProcessEnv): Docker {
  const docker: Docker = {
    env,
    async run(args, variables = {}) {
      // Secrets are passed as variables: every user may read the arguments of a process, only its owner the environment.
      const { code, stdout, stderr } = await execute(args, { ...env, ...variables });
      if (code === 0) return stdout;
      if (code === 'ENOENT') throw new FleetError('docker is not installed');
      const lines = stderr.split('\n').filter((line) => line.trim() !== '');
      throw new FleetError(`docker ${args.slice(0, 3).join(' ')} failed`, lines.slice(-8));
    },
    compose: (args, variables) => docker.run(['compose', ...args], variables),
    async containers() {
      const ids = (await docker.compose(['ps', '--all', '--quiet'])).split('\n').filter((id) => id !== '');
      return ids.length > 0 ? (JSON.parse(await docker.run(['inspect', ...ids])) as Container[]) : [];
    },
    replicas: async () => replicasOf(await docker.containers()),
    containerOf: async (service) => serviceOf(await docker.containers(), service),
    async healthy(id) {
      const isHealthy = async () => {
        const [container] = JSON.parse(await docker.run(['inspect', id])) as Container[];
        const { Status, Health } = container?.State ?? {};
        return Status === 'running' && (Health === undefined || Health.Status === 'healthy');
      };
      await waitFor(`container ${id.slice(0, 12)} is not healthy`, isHealthy, { timeoutMs: 30_000, everyMs: 100 });
    },
  };
  return docker;
}

/** The replicas among these containers, by number. */
export function replicasOf(containers: Container[]): { number: number; container: Container }[] {
  return containers
    .filter(({ Config }) => Config.Labels[`${label}.service`] === 'app')
    .map((container) => ({ number: Number(container.Config.Labels[`${label}.container-number`]), container }))
    .sort((a, b) => a.number - b.number);
}

export function findService(containers: Container[], service: string): Container | undefined {
  return containers.find(({ Config }) => Config.Labels[`${label}.service`] === service);
}

/** @throws {FleetError} if the service has no container */
export function serviceOf(containers: Container[], service: string): Container {
  const found = findService(containers, service);
  if (found) return found;
  throw new FleetError(`${service} is not up: run "docker compose up --build --detach --wait"`);
}

/** Runs in a process group of its own: a Ctrl-C in the terminal must not interrupt it, or a fault would be half applied. */
async function execute(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn('docker', args, { cwd: project, env, detached: true, timeout: timeoutMs });
  child.stdin.end();
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message));
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}
