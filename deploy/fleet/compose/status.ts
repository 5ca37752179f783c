import { appContainers, type Container, containerOf } from './docker.ts';
import type { Description, ReplicaStatus } from './fleet.ts';

/** What a fleet of containers is, and how its replicas are. */
export async function describe(): Promise<Description> {
  const nginx = await containerOf('nginx');
  const [app] = await appContainers();
  const prometheus = await containerOf('prometheus').catch(() => undefined);
  const redis = await containerOf('redis').catch(() => undefined);
  const store = app?.container.Config.Env.find((line) => line.startsWith('SESSION_STORE='))?.split('=')[1];
  const prometheusPort = prometheus && publishedPort(prometheus, '9090/tcp');
  return {
    driver: 'compose',
    store: store || 'durable',
    http: `http://127.0.0.1:${publishedPort(nginx, '8080/tcp')}`,
    https: `https://127.0.0.1:${publishedPort(nginx, '8443/tcp')}`,
    versions: { nginx: nginx.Config.Image, redis: redis?.Config.Image ?? 'unknown' },
    ...(prometheusPort && { prometheus: `http://127.0.0.1:${prometheusPort}` }),
  };
}

function publishedPort(container: Container, port: string): string | undefined {
  return container.NetworkSettings.Ports[port]?.[0]?.HostPort;
}

export function statusOf(number: number, container: Container, served: Map<string, number>): ReplicaStatus {
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
export async function requestsServed(): Promise<Map<string, number>> {
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
