import type { Config } from './config.ts';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';
import { createLogOutput, type LogOutput } from './log-output.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { closeRedis, createRedis, isRedisUp, type Redis } from './redis.ts';
import type { ClusterClient, PrimaryClient } from './sessions/index.ts';
import { createSessionLayer, type SessionLayer } from './session-layer.ts';

/** The parts of one replica. Whoever creates a context closes it. */
export interface Context {
  config: Config;
  logOutput: LogOutput;
  logger: Logger;
  lifecycle: Lifecycle;
  /** Absent with METRICS=off. */
  metrics: Metrics | undefined;
  sessions: SessionLayer;
  /** Absent with the memory store. */
  redis: Redis | undefined;
  /** Closes the connection to Redis, so call it last. Safe to call twice. */
  close(): Promise<void>;
}

/** Builds the parts from the config. @param overrides parts to use instead, for tests */
export function createContext(config: Config, overrides: Partial<Omit<Context, 'config'>> = {}): Context {
  const logOutput = overrides.logOutput ?? createLogOutput();
  const logger = overrides.logger ?? createLogger(config, logOutput);
  const lifecycle = overrides.lifecycle ?? createLifecycle();
  const redis = overrides.redis ?? (config.store === 'memory' ? undefined : createRedis(config, logger));
  const isStoreUp = () => !redis || isRedisUp(redis);
  const hasFailovers = config.redisSentinels !== undefined || config.redisCluster !== undefined;
  const failovers = hasFailovers ? () => (redis as PrimaryClient | ClusterClient).failovers : undefined;
  const own = () =>
    config.metrics ? createMetrics({ config, lifecycle, isStoreUp, failovers, logOutput }) : undefined;
  const metrics = 'metrics' in overrides ? overrides.metrics : own();
  const sessions = overrides.sessions ?? createSessionLayer(config, redis, metrics, logger);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= redis ? closeRedis(redis) : Promise.resolve();
    return closing;
  };
  return { config, logOutput, logger, lifecycle, metrics, sessions, redis, close, ...overrides };
}
