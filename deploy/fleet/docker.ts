import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { FleetError, type Settings } from './fleet.ts';
import { waitFor } from './wait.ts';

/** The folder of docker-compose.yml. */
export const project = fileURLToPath(new URL('../..', import.meta.url));
const mostMs = 300_000;

/** As `docker inspect` shows it. */
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

/** By their number; `docker compose ps` shows them by name, where 10 comes before 2. */
export async function appContainers(): Promise<{ number: number; container: Container }[]> {
  const containers = await inspect('app');
  const numbered = containers.map((container) => {
    return { number: Number(container.Config.Labels['com.docker.compose.container-number']), container };
  });
  return numbered.sort((a, b) => a.number - b.number);
}

/** @throws {FleetError} where it is not up */
export async function containerOf(service: string): Promise<Container> {
  const [found] = await inspect(service);
  if (found) return found;
  throw new FleetError(`${service} is not up: run "docker compose up --build --detach --wait"`);
}

async function inspect(service: string): Promise<Container[]> {
  const ids = (await compose(['ps', '--all', '--quiet', service])).split('\n').filter((id) => id !== '');
  return ids.length > 0 ? (JSON.parse(await docker(['inspect', ...ids])) as Container[]) : [];
}

/** Resolves once a container runs and is healthy. @throws {FleetError} after 30 s */
export async function healthy(id: string): Promise<void> {
  const tail = () => [];
  const isHealthy = async () => {
    const [container] = JSON.parse(await docker(['inspect', id])) as Container[];
    const { Status, Health } = container?.State ?? {};
    return Status === 'running' && (Health === undefined || Health.Status === 'healthy');
  };
  await waitFor(`container ${id.slice(0, 12)} is not healthy`, isHealthy, { timeoutMs: 30_000, everyMs: 100, tail });
}

/** `docker compose`, with variables over those of this process. */
export function compose(args: string[], variables: Settings = {}): Promise<string> {
  return docker(['compose', ...args], variables);
}

/** @returns its output @throws {FleetError} with the last lines of what it said, where it fails or takes over 5 minutes */
export async function docker(args: string[], variables: Settings = {}): Promise<string> {
  const { code, stdout, stderr } = await run(args, variables);
  if (code === 0) return stdout;
  if (code === 'ENOENT') throw new FleetError('docker is not installed');
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  throw new FleetError(`docker ${args.slice(0, 3).join(' ')} failed`, lines.slice(-8));
}

/** In a process group of its own: a Ctrl-C in the terminal is not for it, or a fault would be half done, or half healed. */
async function run(args: string[], variables: Settings) {
  // Secrets among them: anybody may read the arguments of a process, and its environment nobody else.
  const env = { ...process.env, ...variables };
  const child = spawn('docker', args, { cwd: project, env, detached: true, timeout: mostMs });
  child.stdin.end();
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message));
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}
