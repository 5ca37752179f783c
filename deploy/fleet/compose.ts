import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  checkCount,
  type Fleet,
  FleetError,
  type LogOptions,
  type Part,
  pickReplica,
  type ReplicaStatus,
} from './fleet.ts';
import { waitFor } from './wait.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Container {
  Id: string;
  Name: string;
  State: { Status: string; StartedAt: string; FinishedAt: string; Health?: { Status: string } };
  Config: { Hostname: string; Env: string[]; Labels: Record<string, string> };
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string }>;
    Ports: Record<string, { HostPort: string }[] | null>;
  };
}

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
    async scale(count, report) {
      checkCount(count);
      await compose(['up', '--detach', '--no-recreate', '--no-deps', '--wait', '--scale', `app=${count}`, 'app']);
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
    logs: composeLogs,
    down: async () => void (await compose(['down'])),
    redis: part('redis'),
    proxy: {
      ...part('nginx'),
      reload: async () => void (await docker(['kill', '--signal', 'HUP', (await containerOf('nginx')).Id])),
    },
  };
  return fleet;
}

function part(service: string): Part {
  const id = async () => (await containerOf(service)).Id;
  return {
    async kill(signal = 'SIGKILL') {
      await docker(['kill', '--signal', signal, await id()]);
      if (signal === 'SIGKILL') await docker(['wait', await id()]);
    },
    async start() {
      await docker(['start', await id()]);
      await healthy(await id());
    },
    pause: async () => void (await docker(['pause', await id()])),
    resume: async () => void (await docker(['unpause', await id()])),
    async restart() {
      await docker(['restart', '--time', '8', await id()]);
      await healthy(await id());
    },
  };
}

async function describe() {
  const nginx = await containerOf('nginx');
  const [app] = await appContainers();
  const prometheus = await containerOf('prometheus').catch(() => undefined);
  const store = app?.container.Config.Env.find((line) => line.startsWith('SESSION_STORE='))?.split('=')[1];
  const prometheusPort = prometheus && publishedPort(prometheus, '9090/tcp');
  return {
    driver: 'compose',
    store: store || 'durable',
    http: `http://127.0.0.1:${publishedPort(nginx, '8080/tcp')}`,
    https: `https://127.0.0.1:${publishedPort(nginx, '8443/tcp')}`,
    ...(prometheusPort && { prometheus: `http://127.0.0.1:${prometheusPort}` }),
  };
}

function publishedPort(container: Container, port: string): string | undefined {
  return container.NetworkSettings.Ports[port]?.[0]?.HostPort;
}

function statusOf(number: number, container: Container, served: Map<string, number>): ReplicaStatus {
  const { Status, StartedAt, FinishedAt, Health } = container.State;
  const running = Status === 'running';
  const ready = running && Health?.Status === 'healthy';
  const state = ready
    ? 'ready'
    : running || Status === 'restarting'
      ? 'starting'
      : Status === 'paused'
        ? 'paused'
        : 'down';
  const addresses = Object.values(container.NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
  const requests = addresses.map((address) => served.get(address)).find((count) => count !== undefined);
  return {
    number,
    name: container.Config.Hostname,
    runsAs: container.Name.slice(1),
    state,
    since: state === 'down' ? FinishedAt : StartedAt,
    requestsServed: state === 'ready' ? (requests ?? null) : null,
  };
}

/** Requests served by IP address, as Prometheus has last seen it: the replicas' admin listeners are not published. */
async function requestsServed(): Promise<Map<string, number>> {
  try {
    const { prometheus } = await describe();
    const query = encodeURIComponent('sum by (instance) (http_requests_total)');
    const response = await fetch(`${prometheus}/api/v1/query?query=${query}`, { signal: AbortSignal.timeout(1000) });
    const { data } = (await response.json()) as {
      data: { result: { metric: { instance: string }; value: [number, string] }[] };
    };
    return new Map(data.result.map(({ metric, value }) => [metric.instance.split(':')[0] ?? '', Number(value[1])]));
  } catch {
    return new Map(); // Prometheus is down: status then shows no figures
  }
}

/** By their number; `docker compose ps` shows them by name, where 10 comes before 2. */
async function appContainers(): Promise<{ number: number; container: Container }[]> {
  const containers = await inspect('app');
  const numbered = containers.map((container) => {
    return { number: Number(container.Config.Labels['com.docker.compose.container-number']), container };
  });
  return numbered.sort((a, b) => a.number - b.number);
}

async function containerOf(service: string): Promise<Container> {
  const [found] = await inspect(service);
  if (found) return found;
  throw new FleetError(`${service} is not up: run "docker compose up --build --detach --wait"`);
}

async function inspect(service: string): Promise<Container[]> {
  const ids = (await compose(['ps', '--all', '--quiet', service])).split('\n').filter((id) => id !== '');
  return ids.length > 0 ? (JSON.parse(await docker(['inspect', ...ids])) as Container[]) : [];
}

async function healthy(id: string): Promise<void> {
  const tail = () => [];
  const isHealthy = async () => {
    const [container] = JSON.parse(await docker(['inspect', id])) as Container[];
    const { Status, Health } = container?.State ?? {};
    return Status === 'running' && (Health === undefined || Health.Status === 'healthy');
  };
  await waitFor(`container ${id.slice(0, 12)} is not healthy`, isHealthy, { timeoutMs: 30_000, everyMs: 100, tail });
}

function compose(args: string[]): Promise<string> {
  return docker(['compose', ...args]);
}

async function docker(args: string[], command: string[] = ['docker']): Promise<string> {
  const [program = 'docker', ...first] = command;
  try {
    const { stdout } = await run(program, [...first, ...args], {
      cwd: project,
      maxBuffer: 64 * 1024 * 1024,
      timeout: 300_000,
    });
    return stdout;
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw new FleetError('docker is not installed', [], { cause });
    const lines = stderr.split('\n').filter((line) => line.trim() !== '');
    throw new FleetError(`docker ${args.slice(0, 3).join(' ')} failed`, lines.slice(-8), { cause });
  }
}

async function composeLogs({ parts = [], lines, follow }: LogOptions, write: (line: string) => void): Promise<void> {
  const args = ['compose', 'logs', '--no-color', '--tail', String(lines), ...(follow ? ['--follow'] : []), ...parts];
  const child = spawn('docker', args, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  follow?.addEventListener('abort', () => child.kill());
  let rest = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const whole = (rest + chunk).split('\n');
    rest = whole.pop() ?? '';
    for (const line of whole) write(line);
  }
}

/** Builds the image where it is needed, and starts the containers. Resolves once all are healthy. */
export async function startComposeFleet(
  replicas: number,
  store: string,
  report: (line: string) => void,
): Promise<Fleet> {
  checkCount(replicas);
  report('docker compose up --build …');
  const env = ['env', `SESSION_STORE=${store}`, 'docker'];
  await docker(['compose', 'up', '--build', '--detach', '--wait', '--scale', `app=${replicas}`], env);
  return createComposeFleet();
}
