import type { Request } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { createHttpMetrics } from './http-metrics.ts';
import { type Lifecycle, states } from '../lifecycle.ts';
import type { LogOutput } from '../log-output.ts';
import type { Route } from './route-templates.ts';
import { createSessionMetrics } from './session-metrics.ts';
import type { SessionEvent, StoreOutcome } from '../sessions/index.ts';

/**
 * The metrics of a replica. Every series has the label `replica`; no label has a value that a visitor can choose.
 *
 * Histograms have buckets: prom-client has no native histograms (its newest version is 15.1.3;
 * https://github.com/prometheus/client_js/issues/576 asks for them).
 */
export interface Metrics {
  contentType: string;
  read(): Promise<string>;
  /** Sets the routes by which requests are counted. */
  knowRoutes(routes: Route[]): void;
  /** Requests that have ended since the start. */
  requestsServed(): number;
  requestBegan(): void;
  /**
   * The response was sent (without a duration: its head, and it stays open), or its connection was closed before, with the
   * status code 0.
   */
  requestEnded(req: Request, statusCode: number, ms: number | undefined): void;
  /** The observer of the session layer. */
  observeSessions(event: SessionEvent): void;
  /** A call to a baseline's store has ended. */
  observeStore(command: string, outcome: StoreOutcome, ms: number): void;
}

interface Observed {
  config: Config;
  lifecycle: Lifecycle;
  isStoreUp(): boolean;
  /** How often another server of Redis has become the primary. Undefined without sentinels. */
  failovers: (() => number) | undefined;
  logOutput: Pick<LogOutput, 'dropped'>;
}

/** Builds a registry for this replica, so that several replicas can run in one process. */
export function createMetrics({ config, lifecycle, isStoreUp, failovers, logOutput }: Observed): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ replica: config.replica });
  collectNodeMetrics(registry);
  const registers = [registry];
  new Gauge({
    name: 'unsticky_build_info',
    help: 'Always 1; its labels describe this replica',
    labelNames: ['version', 'store', 'node'],
    registers,
  }).set({ version: config.version, store: config.store, node: process.version }, 1);
  new Gauge({
    name: 'replica_lifecycle_state',
    help: '1 for the current state of the replica, 0 for the others',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of states) this.set({ state }, lifecycle.state === state ? 1 : 0);
    },
  });
  new Gauge({
    name: 'session_store_up',
    help: '1 if the connection to Redis is ready, so that sessions can be reached',
    registers,
    collect() {
      this.set(isStoreUp() ? 1 : 0);
    },
  });
  if (failovers)
    new Counter({
      name: 'redis_failovers_total',
      help: 'How often another server of Redis has become the primary, as this replica has seen it',
      registers,
      collect() {
        this.reset();
        this.inc(failovers());
      },
    });
  new Counter({
    name: 'log_lines_dropped_total',
    help: 'Log lines that could not be written: the disk is full, or whoever reads them is gone or too slow',
    registers,
    collect() {
      this.reset();
      this.inc(logOutput.dropped());
    },
  });
  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    ...createHttpMetrics(registry),
    ...createSessionMetrics(registry, config.store, failovers !== undefined),
  };
}

/**
 * Node's own metrics, except those that nothing here uses (39 series of V8's heap spaces, a tenth of the response), those
 * that break the convention that `_total` is for counters, and duplicates.
 */
function collectNodeMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, gcDurationBuckets: [0.001, 0.01, 0.1] });
  const unwanted =
    /^nodejs_(heap_space_|active_(handles|requests)|active_resources_total|eventloop_lag_(min|p90|stddev)|version_info)|^process_cpu_(user|system)_/;
  for (const { name } of registry.getMetricsAsArray()) if (unwanted.test(name)) registry.removeSingleMetric(name);
}
