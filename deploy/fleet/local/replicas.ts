import { availableParallelism } from 'node:os';
import { checkCount, FleetError, pickReplica, type Reporter, type Settings } from '../fleet.ts';
import { findPort, returnPorts } from '../ports.ts';
import type { ServerProcess, StartServer } from '../process.ts';
import { answers, withTimeout } from '../wait.ts';
import type { LocalNetwork } from './network/proxies.ts';
import { graceMs, startReplicaProcess } from './servers.ts';
import { isReady, type LocalReplica } from './status.ts';

/** What the replicas of a local fleet need of it. */
export interface ReplicaHost {
  start: StartServer;
  redisPort: number;
  network: LocalNetwork | undefined;
  /** The file that a replica runs. */
  main: string;
  /** The environment under `settings`. */
  env(): NodeJS.ProcessEnv;
  settings: Settings;
  /** Tells nginx and Prometheus that these are the replicas. */
  announce(replicas: LocalReplica[]): Promise<void>;
}

/** A process that is silent for this long counts as paused. */
const silentMs = 200;

/** The replicas of a local fleet. */
export class LocalReplicas {
  readonly #host: ReplicaHost;
  #all: LocalReplica[] = [];
  #settings: Settings;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(host: ReplicaHost) {
    this.#host = host;
    this.#settings = host.settings;
  }

  get all(): readonly LocalReplica[] {
    return this.#all;
  }

  /** The settings of all replicas. */
  get settings(): Settings {
    return this.#settings;
  }

  /** Runs work that starts and ends replicas one after the other: two at once would start one twice. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // its caller gets the error
    return turn;
  }

  /** Adds replicas without starting them. */
  async add(count: number, settings: Settings = {}): Promise<LocalReplica[]> {
    const added: LocalReplica[] = [];
    for (let number = this.#all.length + 1; added.length < count; number++) {
      added.push(await this.#create(number, settings));
    }
    this.#all = [...this.#all, ...added];
    return added;
  }

  /** Starts as many at a time as there are cores: a start is CPU-bound, so more would only slow each other down. */
  async start(replicas: readonly LocalReplica[]): Promise<void> {
    const concurrency = availableParallelism();
    for (let first = 0; first < replicas.length; first += concurrency) {
      await Promise.all(replicas.slice(first, first + concurrency).map((replica) => this.#start(replica)));
    }
  }

  async scale(count: number, report?: Reporter, settings?: Settings): Promise<void> {
    checkCount(count);
    const leaving = this.#all.slice(count);
    const joining = await this.add(Math.max(0, count - this.#all.length), settings);
    await this.start(joining);
    this.#all = this.#all.slice(0, count);
    if (joining.length + leaving.length > 0) await this.#host.announce(this.#all);
    report?.(joining.length > 0 ? `started ${names(joining)}` : `nginx no longer uses ${names(leaving) || 'none'}`);
    for (const replica of leaving) await this.#remove(replica);
    if (leaving.length > 0) report?.(`ended ${names(leaving)}`);
  }

  async restart(number: number): Promise<void> {
    const replica = pickReplica([...this.#all], number);
    await replica.process?.stop('SIGTERM', graceMs);
    await this.#start(replica);
  }

  /** If a replica does not come up, the previous settings apply again: a restart brings it back. */
  async deploy(settings: Settings, report?: Reporter): Promise<void> {
    const previous = this.#settings;
    this.#settings = { ...previous, ...settings };
    for (const replica of this.#all) {
      const own = replica.settings;
      replica.settings = {};
      await this.restart(replica.number).catch((err) => {
        this.#settings = previous;
        replica.settings = own;
        throw err;
      });
      report?.(`${replica.name} is replaced`);
    }
  }

  async kill(number: number, signal: NodeJS.Signals): Promise<void> {
    const { process, name } = this.#running(number);
    process.signal(signal);
    if (signal === 'SIGTERM' || signal === 'SIGINT') await withTimeout(process.ended, graceMs);
    if (signal === 'SIGKILL') await process.ended;
    if ((signal === 'SIGTERM' || signal === 'SIGINT') && !process.end) {
      throw new FleetError(`${name} is still running ${graceMs / 1000} s after ${signal}`);
    }
  }

  /** @throws {FleetError} if it still answers */
  async pause(number: number): Promise<void> {
    const replica = this.#running(number);
    replica.process.signal('SIGSTOP');
    replica.pausedAt = new Date();
    const { adminPort, name } = replica;
    if (!(await answers(`http://127.0.0.1:${adminPort}/livez`, silentMs).catch(() => false))) return;
    replica.pausedAt = undefined;
    throw new FleetError(`${name} still answers after SIGSTOP`);
  }

  resume(number: number): void {
    const replica = this.#running(number);
    replica.process.signal('SIGCONT');
    replica.pausedAt = undefined;
  }

  async #create(number: number, settings: Settings): Promise<LocalReplica> {
    const { network, redisPort } = this.#host;
    const ports = { port: await findPort(), adminPort: await findPort() };
    const own = network ? await network.open(number) : redisPort;
    return {
      number,
      name: `replica-${number}`,
      ...ports,
      redisPort: own,
      settings,
      process: undefined,
      pausedAt: undefined,
    };
  }

  async #start(replica: LocalReplica): Promise<void> {
    const { start, main, env } = this.#host;
    replica.pausedAt = undefined;
    replica.process = await startReplicaProcess(start, replica, main, {
      ...env(),
      ...this.#settings,
      ...replica.settings,
    });
    const { pid } = replica.process;
    await replica.process.ready(() => isReady(replica.adminPort, pid));
  }

  async #remove({ process, port, adminPort, number }: LocalReplica): Promise<void> {
    await process?.stop('SIGTERM', graceMs);
    returnPorts(port, adminPort);
    await this.#host.network?.close(number);
  }

  #running(number: number): LocalReplica & { process: ServerProcess } {
    const replica = pickReplica([...this.#all], number);
    if (replica.process && !replica.process.end) return replica as LocalReplica & { process: ServerProcess };
    throw new FleetError(`${replica.name} is down: start it again with "unsticky restart ${number}"`);
  }
}

const names = (replicas: { name: string }[]) => replicas.map(({ name }) => name).join(', ');
