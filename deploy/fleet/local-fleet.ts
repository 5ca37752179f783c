import type { Description, Fleet, LogOptions, Part, RedisPart, ReplicaStatus, Report, Settings } from './fleet.ts';
import { FleetError } from './fleet.ts';
import { type LocalLinks, startLinks } from './links.ts';
import type { LocalOptions, Ports } from './local.ts';
import { type LocalFiles, prepareFiles, replicaMain } from './local-files.ts';
import { createPart, reloadNginx, requireRunning } from './local-parts.ts';
import { createRedisPart } from './local-redis.ts';
import { graceMs, LocalReplicas } from './local-replicas.ts';
import { createLocalSecrets, type LocalSecrets } from './local-secrets.ts';
import { type StartServer, startNginx, startPrometheus, startRedis } from './local-servers.ts';
import { statusOf } from './local-status.ts';
import { readVersions } from './local-versions.ts';
import { boundLogs, writeLogs } from './logs.ts';
import { type ServerProcess, startProcess } from './process.ts';
import { type Reaper, startReaper } from './reaper.ts';
import { rotation } from './secrets.ts';

const defaultLogBytes = 64 * 1024 * 1024;

/** Servers and replicas of one machine, as child processes. startLocalFleet (local.ts) starts it. */
export class LocalFleet implements Fleet {
  readonly driver = 'local';
  readonly #options: LocalOptions;
  readonly #ports: Ports;
  readonly #files: LocalFiles;
  readonly #reaper: Reaper = startReaper();
  readonly #logBound: NodeJS.Timeout;
  readonly #servers = new Map<string, ServerProcess>();
  readonly #replicas: LocalReplicas;
  readonly #secrets: LocalSecrets;
  readonly #unlock: () => void;
  readonly #versions: Description['versions'];
  #down: Promise<void> | undefined;

  readonly links?: LocalLinks;
  readonly redis: RedisPart;
  readonly proxy: Fleet['proxy'];

  constructor(options: LocalOptions, ports: Ports, taken: Set<number>, unlock: () => void, canTrace: boolean) {
    const { env, settings = {}, store, main = replicaMain, mostLogBytes = defaultLogBytes } = options;
    this.#unlock = unlock;
    this.#versions = readVersions(options.env);
    this.#options = options;
    this.#ports = ports;
    this.#files = prepareFiles(options.dir, ports, options.tlsDir);
    this.#logBound = setInterval(() => boundLogs(this.#files.logs, mostLogBytes), 5000).unref();
    if (options.links) this.links = startLinks(ports.redis);
    this.#secrets = createLocalSecrets(this.#files, env, () => this.#replicas.settings);
    this.#replicas = new LocalReplicas({
      start: this.#start,
      taken,
      redisPort: ports.redis,
      links: this.links,
      main,
      env: () => ({ ...env, SESSION_STORE: store, SESSION_SECRETS: this.#secrets.read() }),
      settings: { ...settings, SESSION_STORE: store },
      announce: async (replicas) => {
        this.#files.writeReplicas(replicas);
        await this.proxy.reload();
      },
    });
    this.redis = this.#redisPart(canTrace);
    this.proxy = this.#proxyPart();
  }

  async start(): Promise<void> {
    const { report, replicas: count } = this.#options;
    const { http, https, redis, prometheus } = this.#ports;
    await startRedis(this.#start, this.#files, redis);
    report?.(`redis        127.0.0.1:${redis}`);
    const replicas = await this.#replicas.add(count);
    this.#files.writeReplicas(replicas);
    await this.#replicas.start(replicas);
    report?.(`replicas     ${replicas.map(({ name, port }) => `${name} :${port}`).join(', ')}`);
    await startNginx(this.#start, this.#files, http);
    report?.(`nginx        http://127.0.0.1:${http} and https://127.0.0.1:${https}`);
    if (!prometheus) return;
    await startPrometheus(this.#start, this.#files, prometheus);
    report?.(`prometheus   http://127.0.0.1:${prometheus}`);
  }

  async describe() {
    const { http, https, prometheus } = this.#ports;
    return {
      driver: this.driver,
      store: this.#replicas.settings.SESSION_STORE ?? this.#options.store,
      http: `http://127.0.0.1:${http}`,
      https: `https://127.0.0.1:${https}`,
      versions: this.#versions,
      ...(prometheus && { prometheus: `http://127.0.0.1:${prometheus}` }),
    };
  }

  replicas(): Promise<ReplicaStatus[]> {
    return Promise.all(this.#replicas.all.map(statusOf));
  }

  scale(count: number, report?: Report, settings?: Settings): Promise<void> {
    return this.#replicas.inTurn(() => this.#replicas.scale(count, report, settings));
  }

  kill(number: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    return this.#replicas.kill(number, signal);
  }

  pause(number: number): Promise<void> {
    return this.#replicas.pause(number);
  }

  async resume(number: number): Promise<void> {
    this.#replicas.resume(number);
  }

  restart(number: number): Promise<void> {
    return this.#replicas.inTurn(() => this.#replicas.restart(number));
  }

  async roll(report?: Report): Promise<void> {
    for (const { number, name } of this.#replicas.all) {
      await this.restart(number);
      report?.(`${name} is back`);
    }
  }

  deploy(settings: Settings, report?: Report): Promise<void> {
    return this.#replicas.inTurn(() => this.#replicas.deploy(settings, report));
  }

  rotateSecret(report?: Report): Promise<string> {
    return this.#replicas.inTurn(async () => {
      const { fresh, steps } = rotation(this.#secrets.read());
      for (const secrets of steps) await this.#replicas.deploy(this.#secrets.write(secrets), report);
      return fresh;
    });
  }

  logs(options: LogOptions, write: (line: string) => void): Promise<void> {
    return writeLogs(this.#files.logs, options, write);
  }

  down(): Promise<void> {
    this.#down ??= this.#end();
    return this.#down;
  }

  #redisPart(canTrace: boolean): RedisPart {
    const { redis: port } = this.#ports;
    const part = this.#part('redis', () => startRedis(this.#start, this.#files, port), 'SIGTERM');
    const running = () => requireRunning('redis', this.#servers.get('redis'));
    return createRedisPart(part, port, running, this.#start, canTrace);
  }

  #proxyPart(): Fleet['proxy'] {
    const { http } = this.#ports;
    return {
      ...this.#part('nginx', () => startNginx(this.#start, this.#files, http), 'SIGQUIT'),
      reload: async () => {
        const ready = (await this.replicas()).filter(({ state }) => state === 'ready').map(({ name }) => name);
        await reloadNginx(this.#servers.get('nginx'), http, ready);
      },
    };
  }

  #part(name: string, start: () => Promise<void>, ending: NodeJS.Signals): Part {
    return createPart(name, () => this.#servers.get(name), start, ending, graceMs);
  }

  readonly #start: StartServer = async (name, command, args, more = {}) => {
    if (this.#down) throw new FleetError('the fleet is going down');
    const logFile = this.#files.logOf(name);
    const { env } = this.#options;
    const server = await startProcess({ name, command, args, logFile, reaper: this.#reaper, env, ...more });
    this.#servers.set(name, server);
    return server;
  };

  /** nginx first, so that nobody is refused by a replica; Redis last, so that every request can still be saved. */
  async #end(): Promise<void> {
    clearInterval(this.#logBound);
    const { nginx, redis, prometheus, ...others } = Object.fromEntries(this.#servers);
    await Promise.all([nginx?.stop('SIGTERM', graceMs), prometheus?.stop('SIGTERM', graceMs)]);
    await Promise.all(Object.values(others).map((server) => server.stop('SIGTERM', graceMs)));
    await redis?.stop('SIGTERM', graceMs);
    await this.links?.end();
    this.#reaper.close();
    this.#unlock();
  }
}
