import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkCount,
  type Fleet,
  FleetError,
  type LogOptions,
  type Part,
  pickReplica,
  type ReplicaStatus,
  type Report,
} from './fleet.ts';
import { type LocalFiles, lockDir, prepareFiles } from './local-files.ts';
import { createPart, reloadNginx } from './local-parts.ts';
import { type StartServer, startNginx, startPrometheus, startRedis, startReplica } from './local-servers.ts';
import { isReady, type LocalReplica, statusOf } from './local-status.ts';
import { boundLogs, writeLogs } from './logs.ts';
import { findPort, requireFree } from './ports.ts';
import { type ServerProcess, startProcess } from './process.ts';
import { type Reaper, startReaper } from './reaper.ts';

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
  settings?: Record<string, string>;
  report?: Report;
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
    fleet = new LocalFleet(options, ports, taken, unlock);
    await fleet.start();
    return fleet;
  } catch (err) {
    await fleet?.down();
    unlock();
    throw err;
  }
}

interface Ports {
  http: number;
  https: number;
  redis: number;
  prometheus?: number;
}

const graceMs = 8000;

class LocalFleet implements Fleet {
  readonly driver = 'local';
  readonly #options: LocalOptions;
  readonly #ports: Ports;
  readonly #taken: Set<number>;
  readonly #files: LocalFiles;
  readonly #reaper: Reaper = startReaper();
  readonly #logBound: NodeJS.Timeout;
  readonly #servers = new Map<string, ServerProcess>();
  #replicas: LocalReplica[] = [];
  #turn: Promise<void> = Promise.resolve();
  #down: Promise<void> | undefined;

  readonly #unlock: () => void;

  constructor(options: LocalOptions, ports: Ports, taken: Set<number>, unlock: () => void) {
    this.#unlock = unlock;
    this.#options = options;
    this.#ports = ports;
    this.#taken = taken;
    this.#files = prepareFiles(options.dir, ports, options.tlsDir);
    this.#logBound = setInterval(() => boundLogs(this.#files.logs), 5000).unref();
  }

  async start(): Promise<void> {
    const { report, replicas: count } = this.#options;
    await startRedis(this.#start, this.#files, this.#ports.redis);
    report?.(`redis        127.0.0.1:${this.#ports.redis}`);
    for (let number = 1; number <= count; number++) await this.#addReplica(number);
    this.#files.writeReplicas(this.#replicas);
    await this.#startReplicas(this.#replicas);
    report?.(`replicas     ${this.#replicas.map(({ name, port }) => `${name} :${port}`).join(', ')}`);
    await startNginx(this.#start, this.#files, this.#ports.http);
    report?.(`nginx        http://127.0.0.1:${this.#ports.http} and https://127.0.0.1:${this.#ports.https}`);
    if (!this.#ports.prometheus) return;
    await startPrometheus(this.#start, this.#files, this.#ports.prometheus);
    report?.(`prometheus   http://127.0.0.1:${this.#ports.prometheus}`);
  }

  async describe() {
    const { http, https, prometheus } = this.#ports;
    return {
      driver: this.driver,
      store: this.#options.store,
      http: `http://127.0.0.1:${http}`,
      https: `https://127.0.0.1:${https}`,
      ...(prometheus && { prometheus: `http://127.0.0.1:${prometheus}` }),
    };
  }

  replicas(): Promise<ReplicaStatus[]> {
    return Promise.all(this.#replicas.map(statusOf));
  }

  scale(count: number, report?: Report): Promise<void> {
    return this.#inTurn(() => this.#scale(count, report));
  }

  async #scale(count: number, report?: Report): Promise<void> {
    checkCount(count);
    const leaving = this.#replicas.slice(count);
    const joining: LocalReplica[] = [];
    while (this.#replicas.length < count) joining.push(await this.#addReplica(this.#replicas.length + 1));
    await this.#startReplicas(joining);
    this.#replicas = this.#replicas.slice(0, count);
    this.#files.writeReplicas(this.#replicas);
    if (joining.length + leaving.length > 0) await this.proxy.reload();
    report?.(joining.length > 0 ? `started ${names(joining)}` : `nginx has let go of ${names(leaving) || 'none'}`);
    for (const { process, port, adminPort } of leaving) {
      await process?.stop('SIGTERM', graceMs);
      for (const free of [port, adminPort]) this.#taken.delete(free);
    }
    if (leaving.length > 0) report?.(`ended ${names(leaving)}`);
  }

  async kill(number: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { process, name } = this.#running(number);
    process.signal(signal);
    if (signal === 'SIGTERM' || signal === 'SIGINT') await Promise.race([process.ended, sleep(graceMs)]);
    if (signal === 'SIGKILL') await process.ended;
    if ((signal === 'SIGTERM' || signal === 'SIGINT') && !process.end) {
      throw new FleetError(`${name} still runs ${graceMs / 1000} s after ${signal}`);
    }
  }

  async pause(number: number): Promise<void> {
    const replica = this.#running(number);
    replica.process.signal('SIGSTOP');
    replica.paused = true;
  }

  async resume(number: number): Promise<void> {
    const replica = this.#running(number);
    replica.process.signal('SIGCONT');
    replica.paused = false;
  }

  restart(number: number): Promise<void> {
    return this.#inTurn(async () => {
      const replica = pickReplica(this.#replicas, number);
      await replica.process?.stop('SIGTERM', graceMs);
      await this.#startReplica(replica);
    });
  }

  /** One after the other what starts and ends replicas: two at once would start one twice. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // its caller hears of it
    return turn;
  }

  async roll(report?: Report): Promise<void> {
    for (const { number, name } of [...this.#replicas]) {
      await this.restart(number);
      report?.(`${name} is back`);
    }
  }

  logs(options: LogOptions, write: (line: string) => void): Promise<void> {
    return writeLogs(this.#files.logs, options, write);
  }

  down(): Promise<void> {
    this.#down ??= this.#end();
    return this.#down;
  }

  readonly redis: Part = this.#part('redis', () => startRedis(this.#start, this.#files, this.#ports.redis), 'SIGTERM');
  readonly proxy = {
    ...this.#part('nginx', () => startNginx(this.#start, this.#files, this.#ports.http), 'SIGQUIT'),
    reload: async () => {
      const ready = (await this.replicas()).filter(({ state }) => state === 'ready').map(({ name }) => name);
      await reloadNginx(this.#servers.get('nginx'), this.#ports.http, ready);
    },
  };

  #part(name: string, start: () => Promise<void>, ending: NodeJS.Signals): Part {
    return createPart(name, () => this.#servers.get(name), start, ending, graceMs);
  }

  async #addReplica(number: number): Promise<LocalReplica> {
    const ports = { port: await findPort(this.#taken), adminPort: await findPort(this.#taken) };
    const replica = { number, name: `replica-${number}`, ...ports, process: undefined, paused: false };
    this.#replicas.push(replica);
    return replica;
  }

  /** As many at a time as there are cores: a start is all computing, and more would only make each of them slower. */
  async #startReplicas(replicas: LocalReplica[]): Promise<void> {
    const atOnce = availableParallelism();
    for (let first = 0; first < replicas.length; first += atOnce) {
      await Promise.all(replicas.slice(first, first + atOnce).map((replica) => this.#startReplica(replica)));
    }
  }

  async #startReplica(replica: LocalReplica): Promise<void> {
    const { store, env, settings = {} } = this.#options;
    replica.paused = false;
    replica.process = await startReplica(this.#start, replica, this.#files, this.#ports.redis, {
      ...env,
      ...settings,
      SESSION_STORE: store,
    });
    const { pid } = replica.process;
    await replica.process.ready(() => isReady(replica.adminPort, pid));
  }

  readonly #start: StartServer = async (name, command, args, more = {}) => {
    if (this.#down) throw new FleetError('the fleet is going down');
    const logFile = this.#files.logOf(name);
    const server = await startProcess({
      name,
      command,
      args,
      logFile,
      reaper: this.#reaper,
      env: this.#options.env,
      ...more,
    });
    this.#servers.set(name, server);
    return server;
  };

  #running(number: number): LocalReplica & { process: ServerProcess } {
    const replica = pickReplica(this.#replicas, number);
    if (replica.process && !replica.process.end) return replica as LocalReplica & { process: ServerProcess };
    throw new FleetError(`${replica.name} is down: start it again with "restart ${number}"`);
  }

  /** nginx first, so that nobody is refused by a replica; Redis last, so that every request can still be saved. */
  async #end(): Promise<void> {
    clearInterval(this.#logBound);
    const { nginx, redis, prometheus, ...replicas } = Object.fromEntries(this.#servers);
    await Promise.all([nginx?.stop('SIGTERM', graceMs), prometheus?.stop('SIGTERM', graceMs)]);
    await Promise.all(Object.values(replicas).map((replica) => replica.stop('SIGTERM', graceMs)));
    await redis?.stop('SIGTERM', graceMs);
    this.#reaper.close();
    this.#unlock();
  }
}

const names = (replicas: { name: string }[]) => replicas.map(({ name }) => name).join(', ');
