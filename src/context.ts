import type { Store } from 'express-session';
import { createComparedStore } from './compared-stores.ts';
import type { Config } from './config.ts';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { closeRedis, createRedis, type Redis } from './redis.ts';
import { DurableStore } from './sessions/index.ts';

/** What the routes need. Whoever creates it closes it. */
export interface Context {
  config: Config;
  logger: Logger;
  lifecycle: Lifecycle;
  /** Absent with METRICS=off. */
  metrics: Metrics | undefined;
  store: Store;
  /** Absent with the memory store, which needs none. */
  redis: Redis | undefined;
  /** Lets go of Redis, and so goes last. Safe to call twice. */
  close(): Promise<void>;
}

export function createContext(config: Config, logger: Logger = createLogger(config)): Context {
  const redis = config.store === 'memory' ? undefined : createRedis(config, logger);
  const lifecycle = createLifecycle();
  const isStoreUp = () => redis?.isReady ?? true;
  const metrics = config.metrics ? createMetrics({ config, lifecycle, isStoreUp }) : undefined;
  let closing: Promise<void> | undefined;
  return {
    config,
    logger,
    lifecycle,
    metrics,
    store: createStore(config, redis, metrics),
    redis,
    close() {
      closing ??= redis ? closeRedis(redis) : Promise.resolve();
      return closing;
    },
  };
}

function createStore(config: Config, client: Redis | undefined, metrics: Metrics | undefined): Store {
  if (config.store !== 'durable' || !client) return createComparedStore(config.store, client, metrics?.observeStore);
  const { idleSeconds, absoluteSeconds, maxBytes, maxPerUser, migrateFrom, storeDeadlineMs: deadlineMs } = config;
  const migration = migrateFrom === undefined ? {} : { migrateFrom };
  const limits = { idleSeconds, absoluteSeconds, maxBytes, maxPerUser, deadlineMs };
  return new DurableStore({ client, ...limits, ...migration, ...(metrics && { observe: metrics.observeSessions }) });
}
