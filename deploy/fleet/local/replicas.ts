import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkCount, FleetError, pickReplica, type Report, type Settings } from './fleet.ts';
import type { LocalLinks } from './links.ts';
import { type StartServer, startReplica } from './local-servers.ts';
import { isReady, type LocalReplica } from './local-status.ts';
import { findPort } from './ports.ts';
import type { ServerProcess } from './process.ts';
import { answers } from './wait.ts';

/** What the replicas of a local fleet need of it. */
export interface ReplicaHost {
  start: StartServer;
  /** Ports that are somebody's already. */
  taken: Set<number>;
  redisPort: number;
  links: LocalLinks | undefined;
  /** The file that a replica runs. */
  main: string;
  /** The environment that `settings` go over. */
  env(): NodeJS.ProcessEnv;
  settings: Settings;
  /** Has nginx and Prometheus know of these replicas, and of no others. */
  announce(replicas: LocalReplica[]): Promise<void>;
}

export const graceMs = 8000;
/** What does not answer for so long stands still. */
const silentMs = 200;

/** The replicas of a local fleet. What starts and ends them is done one after the other. */
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

  /** Those of all replicas. */
  get settings(): Settings {
    return this.#settings;
  }

  /** One after the other what starts and ends replicas: two at once would start one twice. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // its caller hears of it
    return turn;
  }

  /** Adds replicas that are not started. */
  async add(count: number, settings: Settings = {}): Promise<LocalReplica[]> {
    const added: LocalReplica[] = [];
    for (let number = this.#all.length + 1; added.length < count; number++) {
      added.push(await this.#create(number, settings));
    }
    this.#all = [...this.#all, ...added];
    return added;
  }

  /** As many at a time as there are cores: a start is all computing, and more would only make each of them slower. */
  async start(replicas: readonly LocalReplica[]): Promise<void> {
    const atOnce = availableParallelism();
    for (let first = 0; first < replicas.length; first += atOnce) {
      await Promise.all(replicas.slice(first, first + atOnce).map((replica) => this.#start(replica)));
    }
  }

  async scale(count: number, report?: Report, settings?: Settings): Promise<void> {
    checkCount(count);
    const leaving = this.#all.slice(count);
    const joining = await this.add(Math.max(0, count - this.#all.length), settings);
    await this.start(joining);
    this.#all = this.#all.slice(0, count);
    if (joining.length + leaving.length > 0) await this.#host.announce(this.#all);
    report?.(joining.length > 0 ? `started ${names(joining)}` : `nginx has let go of ${names(leaving) || 'none'}`);
    for (const replica of leaving) await this.#remove(replica);
    if (leaving.length > 0) report?.(`ended ${names(leaving)}`);
  }

  async restart(number: number): Promise<void> {
    const replica = pickReplica([...this.#all], number);
    await replica.process?.stop('SIGTERM', graceMs);
    await this.#start(replica);
  }

  /** Where one does not come up, the settings are the former ones again: a restart brings it back. */
  async deploy(settings: Settings, report?: Report): Promise<void> {
    const former = this.#settings;
    this.#settings = { ...former, ...settings };
    for (const replica of this.#all) {
      const own = replica.settings;
      replica.settings = {};
      await this.restart(replica.number).catch((err) => {
        this.#settings = former;
        replica.settings = own;
        throw err;
      });
      report?.(`${replica.name} is replaced`);
    }
  }

  async kill(number: number, signal: NodeJS.Signals): Promise<void> {
    const { process, name } = this.#running(number);
    process.signal(signal);
    if (signal === 'SIGTERM' || signal === 'SIGINT') await Promise.race([process.ended, sleep(graceMs)]);
    if (signal === 'SIGKILL') await process.ended;
    if ((signal === 'SIGTERM' || signal === 'SIGINT') && !process.end) {
      throw new FleetError(`${name} still runs ${graceMs / 1000} s after ${signal}`);
    }
  }

  /** @throws {FleetError} where it still answers */
  async pause(number: number): Promise<void> {
    const replica = this.#running(number);
    replica.process.signal('SIGSTOP');
    replica.paused = true;
    const { adminPort, name } = replica;
    if (!(await answers(`http://127.0.0.1:${adminPort}/livez`, silentMs).catch(() => false))) return;
    replica.paused = false;
    throw new FleetError(`${name} answers in spite of SIGSTOP`);
  }

  resume(number: number): void {
    const replica = this.#running(number);
    replica.process.signal('SIGCONT');
    replica.paused = false;
  }

  async #create(number: number, settings: Settings): Promise<LocalReplica> {
    const { taken, links, redisPort } = this.#host;
    const ports = { port: await findPort(taken), adminPort: await findPort(taken) };
    const way = links ? await links.open(number) : redisPort;
    return { number, name: `replica-${number}`, ...ports, redisPort: way, settings, process: undefined, paused: false };
  }

  async #start(replica: LocalReplica): Promise<void> {
    const { start, main, env } = this.#host;
    replica.paused = false;
    replica.process = await startReplica(start, replica, main, { ...env(), ...this.#settings, ...replica.settings });
    const { pid } = replica.process;
    await replica.process.ready(() => isReady(replica.adminPort, pid));
  }

  async #remove({ process, port, adminPort, number }: LocalReplica): Promise<void> {
    await process?.stop('SIGTERM', graceMs);
    for (const free of [port, adminPort]) this.#host.taken.delete(free);
    await this.#host.links?.close(number);
  }

  #running(number: number): LocalReplica & { process: ServerProcess } {
    const replica = pickReplica([...this.#all], number);
    if (replica.process && !replica.process.end) return replica as LocalReplica & { process: ServerProcess };
    throw new FleetError(`${replica.name} is down: start it again with "restart ${number}"`);
  }
}

const names = (replicas: { name: string }[]) => replicas.map(({ name }) => name).join(', ');
