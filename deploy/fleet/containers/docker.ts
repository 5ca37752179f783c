import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { FleetError, type Settings } from '../fleet.ts';

/** The project's folder, from which `docker` runs. */
export const project = fileURLToPath(new URL('../../..', import.meta.url));
const usualTimeoutMs = 300_000;

/** The containers of a fleet, by Docker's command line. */
export interface Containers {
  /** Those of all services, running or not, by name. Takes two calls of `docker` for each engine, each less than 0.1 s. */
  containers(): Promise<Container[]>;
  /** @throws {FleetError} if the service is not up */
  containerOf(service: string): Promise<Container>;
  /** Runs `docker` on the engine of this container. @returns its output @throws {FleetError} as runDocker */
  runOn(container: Container, args: string[]): Promise<string>;
  /** Starts one that was killed. Does nothing in a Swarm, which replaces it by itself. */
  revive(container: Container): Promise<void>;
  /** Stops it with SIGTERM, and starts it again as `revive` does. */
  restart(container: Container): Promise<void>;
  /** The command that shows what runs, for messages. */
  readonly look: string;
}

/** As `docker inspect` prints it, with what its driver knows of it. */
export interface Container {
  /** Of the file that describes the fleet: app, nginx, redis-2. */
  service: string;
  /** Of a service with several, from 1. */
  number: number;
  /** If it is a replica of the app: what it calls itself, in X-Served-By. */
  replica: string;
  Id: string;
  Name: string;
  State: { Status: string; StartedAt: string; FinishedAt: string; Health?: { Status: string } };
  Config: { Hostname: string; Image: string; Env: string[]; Labels: Record<string, string> };
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string }>;
    Ports: Record<string, { HostPort: string }[] | null>;
  };
}

interface RunOptions {
  env: NodeJS.ProcessEnv;
  /** Secrets are passed as variables, or as input: every user may read the arguments of a process. */
  variables?: Settings;
  input?: string;
  timeoutMs?: number;
}

/**
 * Runs `docker`, in a process group of its own: a Ctrl-C in the terminal must not interrupt it, or a fault would be half applied.
 * @returns its output @throws {FleetError} with its last lines if it fails or takes more than 5 minutes
 */
export async function runDocker(args: string[], options: RunOptions): Promise<string> {
  const { env, variables, input, timeoutMs = usualTimeoutMs } = options;
  const child = spawn('docker', args, {
    cwd: project,
    env: { ...env, ...variables },
    detached: true,
    timeout: timeoutMs,
  });
  child.stdin.on('error', () => {}); // it ended without having read its input
  child.stdin.end(input);
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message));
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await ended;
  if (code === 0) return stdout;
  if (code === 'ENOENT') throw new FleetError('docker is not installed');
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  throw new FleetError(`docker ${args.slice(0, 3).join(' ')} failed`, lines.slice(-8));
}

/** As `docker inspect` prints it. */
export type Inspected = Omit<Container, 'service' | 'number' | 'replica'> & { Created: string };

/**
 * What `docker` prints of the containers that a filter selects. Those that are removed between being listed and being
 * inspected, for which `docker inspect` fails, are left out.
 * @param run runs `docker` on an engine
 * @throws {FleetError} as `run`
 */
export async function inspectContainers(
  run: (args: string[]) => Promise<string>,
  filter: string,
): Promise<Inspected[]> {
  const found = await run(['ps', '--all', '--quiet', '--filter', filter]);
  let ids = found.split('\n').filter((id) => id !== '');
  while (ids.length > 0) {
    try {
      return JSON.parse(await run(['inspect', ...ids])) as Inspected[];
    } catch (err) {
      const left = ids.filter((id) => !isGone(err, id));
      if (left.length === ids.length) throw err;
      ids = left;
    }
  }
  return [];
}

function isGone(err: unknown, id: string): boolean {
  const lines = err instanceof FleetError ? err.logLines : [];
  return lines.some((line) => /no such (object|container)/i.test(line) && line.trimEnd().endsWith(id));
}

/** The replicas among these containers, by number: sorted by name, 10 would come before 2. */
export function replicasOf(containers: Container[]): Container[] {
  return containers.filter(({ service }) => service === 'app').sort((a, b) => a.number - b.number);
}

export function findService(containers: Container[], name: string): Container | undefined {
  return containers.find(({ service }) => service === name);
}

/** @returns the milliseconds of a Docker command with this output; null if it fails or prints something else */
export async function measure(
  docker: Containers,
  container: Container,
  command: string[],
  expected: RegExp,
): Promise<number | null> {
  const start = performance.now();
  const output = await docker.runOn(container, command).catch(() => '');
  return expected.test(output) ? performance.now() - start : null;
}
