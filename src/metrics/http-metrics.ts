import type { Request } from 'express';
import { Gauge, type Registry } from 'prom-client';
import { findRoute, type Route } from './route-templates.ts';
import { registerCounter, registerHistogram, Timing } from './histogram.ts';

/** Methods that are counted by name for requests without a route; the others are `other`. */
const known = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Requests with the same method, route and status. */
interface Tally {
  labels: { method: string; route: string; status: string };
  timing: Timing;
  /** Responses that stay open, which have no duration. */
  open: number;
}

/**
 * Requests by method, route template and status class. A request that is refused before its route still counts for it. HEAD
 * counts as GET, which answers it. The route is `none` if no route has this path and method, the status is `none` if the
 * connection was closed before the response was sent.
 */
export function createHttpMetrics(registry: Registry) {
  const tallies = new Map<string, Tally>();
  /** The same by route, method as sent, and status class, so that a request needs no key. */
  const shortcuts = new Map<Route | undefined, Map<string, Tally[]>>();
  let routes: Route[] = [];
  let [underWay, served] = [0, 0];

  registerCounter(
    registry,
    {
      name: 'http_requests_total',
      help: 'Requests by method, route template and status class',
      labelNames: ['method', 'route', 'status'],
    },
    () => tallies.values().map(({ labels, timing, open }) => ({ labels, count: timing.count + open })),
  );
  registerHistogram(
    registry,
    {
      name: 'http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its response: 2xx by route, all others by status class',
    },
    () => join([...tallies.values()]),
  );
  new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests in progress',
    registers: [registry],
    collect() {
      this.set(underWay);
    },
  });

  function tallyOf(sent: string, found: Route | undefined, statusClass: number): Tally {
    const wanted = sent === 'HEAD' ? 'GET' : sent;
    const route = found?.methods[wanted.toLowerCase()] ? found.path : 'none';
    const method = route !== 'none' || known.has(wanted) ? wanted : 'other';
    const status = classes[statusClass] ?? 'none';
    const key = `${method} ${route} ${status}`;
    const tally = tallies.get(key) ?? { labels: { method, route, status }, timing: new Timing(bounds), open: 0 };
    tallies.set(key, tally);
    const byMethod = shortcuts.get(found) ?? new Map<string, Tally[]>();
    const byStatus = byMethod.get(sent) ?? [];
    byStatus[statusClass] = tally;
    shortcuts.set(found, byMethod.set(sent, byStatus));
    return tally;
  }

  return {
    knowRoutes(all: Route[]): void {
      routes = all;
      // Failures are exported from 0: Prometheus sees no increase in a series that begins at 60, and a second in which all
      // requests fail is over before the second scrape.
      for (const route of all) {
        const methods = Object.keys(route.methods).map((name) => name.toUpperCase());
        for (const method of methods) if (known.has(method)) tallyOf(method, route, 5);
      }
    },
    /** Since the start. */
    requestsServed(): number {
      return served;
    },
    requestBegan(): void {
      underWay += 1;
    },
    /**
     * @param statusCode 0 if the connection was closed before the response was sent
     * @param ms undefined if the response stays open
     */
    requestEnded(req: Request, statusCode: number, ms: number | undefined): void {
      underWay -= 1;
      served += 1;
      const route = (req.route as Route | undefined) ?? findRoute(routes, req.path);
      const status = Math.trunc(statusCode / 100);
      const tally = shortcuts.get(route)?.get(req.method)?.[status] ?? tallyOf(req.method, route, status);
      if (ms === undefined) tally.open += 1;
      else tally.timing.add(ms / 1000);
    },
  };
}

interface Joined {
  labels: { route: string; status?: string };
  timing: Timing;
}

/** Keeps /metrics small: each series has a line per bucket, and errors of all routes take about as long. */
function join(tallies: Tally[]): Joined[] {
  const joined = new Map<string, Joined>();
  for (const { labels, timing } of tallies) {
    if (timing.count === 0 && labels.status === '2xx') continue;
    const { route, status } = labels;
    const key = status === '2xx' ? route : status;
    const own = joined.get(key) ?? {
      labels: status === '2xx' ? { route } : { route: 'any', status },
      timing: new Timing(bounds),
    };
    own.timing.include(timing);
    joined.set(key, own);
  }
  return [...joined.values()];
}
