import { checkCount, type Fleet, type Report, type Settings } from './fleet.ts';
import { lockDir } from './local-files.ts';
import { LocalFleet } from './local-fleet.ts';
import { findPort, requireFree } from './ports.ts';
import { canTrace } from './slow-disk.ts';

export interface LocalOptions {
  replicas: number;
  store: string;
  /** Keeps data, configuration and logs; made where it is missing. */
  dir: string;
  /** Ports on 127.0.0.1; 0 picks a free one. Without `prometheus` none is started. */
  http: number;
  https: number;
  prometheus?: number | undefined;
  /** Where tls.crt and tls.key are, if not a development certificate. */
  tlsDir?: string | undefined;
  /** The environment of what is started; for replicas, with `settings` over it. */
  env: NodeJS.ProcessEnv;
  settings?: Settings;
  /** Gives each replica a way of its own to Redis, which can be broken. */
  links?: boolean;
  /** Another file for replicas to run than src/main.ts. */
  main?: string;
  /** A log that is larger is emptied; 64 MiB if not given. */
  mostLogBytes?: number;
  report?: Report;
}

/** Those of a fleet, on 127.0.0.1. */
export interface Ports {
  http: number;
  https: number;
  redis: number;
  prometheus?: number;
}

/**
 * Starts nginx, Redis, Prometheus and replicas as child processes on 127.0.0.1 and resolves once they all answer.
 *
 * They end with `down()`, and by themselves where this process ends in any other way.
 * @throws {FleetError} where a port is taken, or a server is missing or does not come up; nothing is left running then
 */
export async function startLocalFleet(options: LocalOptions): Promise<Fleet> {
  const { http, https, prometheus } = options;
  if (http) await requireFree(http, 'http', '--http');
  if (https) await requireFree(https, 'https', '--https');
  if (prometheus) await requireFree(prometheus, 'Prometheus', '--prometheus');
  checkCount(options.replicas);
  const taken = new Set<number>();
  const ports = {
    http: http || (await findPort(taken)),
    https: https || (await findPort(taken)),
    redis: await findPort(taken),
    ...(prometheus !== undefined && { prometheus: prometheus || (await findPort(taken)) }),
  };
  const unlock = lockDir(options.dir);
  let fleet: LocalFleet | undefined;
  try {
    fleet = new LocalFleet(options, ports, taken, unlock, await canTrace(options.env));
    await fleet.start();
    return fleet;
  } catch (err) {
    await fleet?.down();
    unlock();
    throw err;
  }
}
