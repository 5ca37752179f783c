import type { Request, RequestHandler, Response } from 'express';
import { Gauge, type Registry } from 'prom-client';
import { findRoute, type Route } from './route-templates.ts';
import { createCounts, createTimings } from './series.ts';

/** Methods by which requests for no route are told apart. */
const known = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

/**
 * Requests by method, template of the route and status class, as of the route that is theirs even where they are refused
 * before they get there. HEAD counts as GET, which answers it. `none` as a route: no route has this path and method; as a
 * status: the connection was closed before the answer was sent.
 */
export function createHttpMetrics(registry: Registry) {
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = createCounts(registry, {
    name: 'http_requests_total',
    help: 'Requests by method, route template and status class',
    labelNames,
  });
  const durations = createTimings(registry, {
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer; other answers than 2xx are told by status class alone',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  });
  let underWay = 0;
  new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests that are being answered',
    registers: [registry],
    collect() {
      this.set(underWay);
    },
  });
  let routes: Route[] = [];

  function count(req: Request, res: Response, start: number): void {
    underWay -= 1;
    const found = (req.route as Route | undefined) ?? findRoute(routes, req.path);
    const sent = req.method === 'HEAD' ? 'GET' : req.method;
    const route = found?.methods[sent.toLowerCase()] ? found.path : 'none';
    const method = route !== 'none' || known.has(sent) ? sent : 'other';
    const status = (res.writableFinished && classes[Math.trunc(res.statusCode / 100)]) || 'none';
    const labels = () => ({ method, route, status });
    const key = `${method} ${route} ${status}`;
    const seconds = (performance.now() - start) / 1000;
    requests.add(key, labels);
    // Each series has a line for each bucket, and errors of all routes take about as long: so /metrics stays small.
    if (status === '2xx') durations.add(key, labels, seconds);
    else durations.add(status, () => ({ method: 'any', route: 'any', status }), seconds);
  }

  const observeRequest: RequestHandler = function observeRequest(req, res, next) {
    const start = performance.now();
    underWay += 1;
    res.on('close', () => count(req, res, start));
    next();
  };
  const knowRoutes = (all: Route[]) => {
    routes = all;
    // A second in which all requests fail is over before Prometheus has looked twice.
    for (const { path, methods } of all) {
      for (const name of Object.keys(methods).filter((name) => known.has(name.toUpperCase()))) {
        const method = name.toUpperCase();
        requests.show(`${method} ${path} 5xx`, { method, route: path, status: '5xx' });
      }
    }
  };
  return { observeRequest, knowRoutes };
}
