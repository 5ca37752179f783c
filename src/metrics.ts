import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
  /** Counts and times each request, by method, route template (never the path: it has no bound) and status class. */
  observe: RequestHandler;
}

const known = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS']);

/** Builds a registry of this replica's own, so that several replicas can live in one process. */
export function createMetrics(replica: string, version: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ replica, version });
  collectDefaultMetrics({ register: registry });
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered, by method, route template and status class',
    labelNames,
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
  const observe: RequestHandler = function observeRequest(req, res, next) {
    const start = process.hrtime.bigint();
    res.once('close', () => {
      const labels = {
        method: known.has(req.method) ? req.method : 'other',
        route: req.route?.path ?? 'none',
        status: `${Math.trunc(res.statusCode / 100)}xx`,
      };
      requests.inc(labels);
      duration.observe(labels, Number(process.hrtime.bigint() - start) / 1e9);
    });
    next();
  };
  return { registry, observe };
}
