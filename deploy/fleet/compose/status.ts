import { type Container, findService, replicasOf } from '../containers/docker.ts';
import { storeOf } from '../containers/status.ts';
import type { Description } from '../fleet.ts';
import { serviceOf } from './docker.ts';

/** @throws {FleetError} if nginx has no container */
export function describe(containers: Container[]): Description {
  const nginx = serviceOf(containers, 'nginx');
  const [app] = replicasOf(containers);
  const redis = findService(containers, 'redis');
  const prometheus = prometheusOf(containers);
  return {
    driver: 'compose',
    store: app ? storeOf(app) : 'durable',
    http: `http://127.0.0.1:${publishedPort(nginx, '8080/tcp')}`,
    https: `https://127.0.0.1:${publishedPort(nginx, '8443/tcp')}`,
    versions: { nginx: nginx.Config.Image, redis: redis?.Config.Image ?? 'unknown' },
    ...(prometheus && { prometheus }),
  };
}

/** The address of Prometheus; undefined if it is not up. */
export function prometheusOf(containers: Container[]): string | undefined {
  const gate = findService(containers, 'prometheus-gate');
  const port = gate && publishedPort(gate, '9090/tcp');
  return port && `http://127.0.0.1:${port}`;
}

function publishedPort(container: Container, port: string): string | undefined {
  return container.NetworkSettings.Ports[port]?.[0]?.HostPort;
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
