import type { Description, PartStatus, RedisReport, ReplicaStatus } from '../fleet.ts';
import { type Container, findService, replicasOf, serviceOf } from './docker.ts';

/** @throws {FleetError} if nginx has no container */
export function describe(containers: Container[]): Description {
  const nginx = serviceOf(containers, 'nginx');
  const [app] = replicasOf(containers);
  const store = app?.container.Config.Env.find((line) => line.startsWith('SESSION_STORE='))?.split('=')[1];
  const redis = findService(containers, 'redis');
  const prometheus = prometheusOf(containers);
  return {
    driver: 'compose',
    store: store || 'durable',
    http: `http://127.0.0.1:${publishedPort(nginx, '8080/tcp')}`,
    https: `https://127.0.0.1:${publishedPort(nginx, '8443/tcp')}`,
    versions: { nginx: nginx.Config.Image, redis: redis?.Config.Image ?? 'unknown' },
    ...(prometheus && { prometheus }),
  };
}

/** The address of Prometheus; undefined if it is not up. */
export function prometheusOf(containers: Container[]): string | undefined {
  const container = findService(containers, 'prometheus');
  const port = container && publishedPort(container, '9090/tcp');
  return port && `http://127.0.0.1:${port}`;
}

function publishedPort(container: Container, port: string): string | undefined {
  return container.NetworkSettings.Ports[port]?.[0]?.HostPort;
}

/** @param served requests served by IP address */
export function toStatus(number: number, container: Container, served: Map<string, number>): ReplicaStatus {
  const state = stateOf(container);
  const addresses = Object.values(container.NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
  const requests = addresses.map((address) => served.get(address)).find((count) => count !== undefined);
  return {
    number,
    name: container.Config.Hostname,
    label: `app-${number}`,
    runsAs: container.Name.slice(1),
    state,
    since: sinceOf(state, container),
    requestsServed: state === 'ready' ? (requests ?? null) : null,
  };
}

/** Docker does not note when a container was paused. */
function sinceOf(state: string, { State: { StartedAt, FinishedAt } }: Container): string | null {
  return state === 'paused' ? null : state === 'down' ? FinishedAt : StartedAt;
}

/** @param redis what Redis reports of itself; null if it does not answer */
export function toPartStatus(name: PartStatus['name'], container: Container, redis: RedisReport | null): PartStatus {
  const state = partStateOf(name, container, redis);
  const facts = (name === 'redis' && redis?.facts) || [];
  return { name, runsAs: container.Name.slice(1), state, since: sinceOf(state, container), facts };
}

function partStateOf(name: string, container: Container, redis: RedisReport | null): PartStatus['state'] {
  const state = stateOf(container);
  if (state === 'paused' || state === 'down') return state;
  if (name === 'redis') return redis === null ? 'silent' : redis.refusesWrites ? 'refuses' : 'ready';
  // A container without a health check is taken for ready as it runs.
  return state === 'ready' || container.State.Health === undefined ? 'ready' : 'silent';
}

function stateOf({ State: { Status, Health } }: Container): ReplicaStatus['state'] {
  if (Status === 'paused') return 'paused';
  if (Status !== 'running' && Status !== 'restarting') return 'down';
  return Status === 'running' && Health?.Status === 'healthy' ? 'ready' : 'starting';
}

/** Requests served by IP address, from Prometheus's last scrape: the replicas' admin listeners are not published. */
export async function readRequestsServed(prometheus: string | undefined): Promise<Map<string, number>> {
  try {
    const query = encodeURIComponent('sum by (instance) (http_requests_total)');
    const response = await fetch(`${prometheus}/api/v1/query?query=${query}`, { signal: AbortSignal.timeout(1000) });
    const { data } = (await response.json()) as {
      data: { result: { metric: { instance: string }; value: [number, string] }[] };
    };
    return new Map(data.result.map(({ metric, value }) => [metric.instance.split(':')[0] ?? '', Number(value[1])]));
  } catch {
    return new Map(); // without Prometheus the status shows no counts
  }
}
