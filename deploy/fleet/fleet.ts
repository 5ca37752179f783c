/** A deployment that a survival test, the command line or the control room can drive, whatever it runs on. */
export interface Fleet {
  readonly driver: string;
  /** Its addresses and what it runs. */
  describe(): Promise<Description>;
  replicas(): Promise<ReplicaStatus[]>;
  /** nginx, Redis and, if there is one, Prometheus. */
  parts(): Promise<PartStatus[]>;
  /**
   * Sets the number of replicas; the newest are removed first. New ones get `settings` over the fleet's own. Resolves once
   * nginx uses the new set.
   */
  scale(count: number, report?: Reporter, settings?: Settings): Promise<void>;
  /** Sends a signal. The replica stays down until it is restarted. Resolves once it is gone, if the signal ends it. */
  kill(replica: number, signal?: NodeJS.Signals): Promise<void>;
  /** Pauses the replica's process (SIGSTOP): its connections stay open and get no answer. */
  pause(replica: number): Promise<void>;
  resume(replica: number): Promise<void>;
  /** Drains it if it runs, starts it again, and resolves once it is ready. */
  restart(replica: number): Promise<void>;
  /** Restarts the replicas one after the other. */
  roll(report?: Reporter): Promise<void>;
  /** Replaces the replicas one after the other. `settings` are merged into those of the fleet and stay. */
  deploy(settings: Settings, report?: Reporter): Promise<void>;
  /**
   * Signs cookies with a new secret from now on. Takes two deploys: all replicas must verify it before the first signs with it.
   * @returns the new secret
   */
  rotateSecret(report?: Reporter): Promise<string>;
  /** Writes log lines of all parts, or of those named. */
  logs(options: LogOptions, write: (line: string) => void): Promise<void>;
  /** Ends everything. Data in Redis and logs are kept. Safe to call twice. */
  down(): Promise<void>;
  readonly redis: RedisPart;
  /** Absent if the driver cannot control the network to Redis. */
  readonly network?: Network;
  readonly proxy: Part & { /** Reloads nginx's configuration. */ reload(): Promise<void> };
  /** Absent unless the fleet runs on several machines. */
  readonly machines?: Machines;
  /** True if all replicas have the same settings: `scale` refuses others. */
  readonly isUniform?: true;
}

/** The machines of a fleet. The one that users connect to is left alone. */
export interface Machines {
  /** Kills one with all that runs on it, if possible the one with the primary of Redis. @returns what is gone */
  lose(): Promise<string>;
  /** Starts it again. Resolves once everything runs as before. */
  restore(): Promise<void>;
  /** Drains one that does not have the primary of Redis: what cannot run elsewhere stops. @returns which one */
  drain(): Promise<string>;
  /** Allows work there again. Resolves as `restore` does. */
  activate(): Promise<void>;
}

/** One server; a primary with two replicas and three sentinels; or a Cluster of three primaries with a replica each. */
export type RedisTopology = 'single' | 'sentinel' | 'cluster';

/** A server that the replicas depend on: Redis, or nginx. */
export interface Part {
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Stops it in order and starts it again. Resolves once it answers. */
  restart(): Promise<void>;
}

export interface RedisPart extends Part {
  /** @returns null if it does not answer within `ms`, or which server is the primary is not known */
  report(ms: number): Promise<RedisReport | null>;
  /** @returns the milliseconds until it answers; null as `report` */
  ping(ms: number): Promise<number | null>;
  /** Sets a parameter (CONFIG SET) until the next start. @returns its previous value */
  configure(parameter: string, value: string): Promise<string>;
  /** Makes each fsync take `ms` longer; 0 ends that. Absent if the driver cannot slow the disk. */
  slowDisk?(ms: number): Promise<void>;
  /**
   * The server that is the primary now, such as redis-1; of a Cluster, that of the first slot. Absent for a Redis without
   * replicas; the rest is done to it.
   */
  primary?(): Promise<string>;
  /** Has a replica replace the primary, which is alive. Absent as primary. */
  failOver?(): Promise<void>;
  /** Its replicas hear nothing of the primary any more, which works as before. Absent as primary. */
  isolatePrimary?(): Promise<void>;
  /** Two of three sentinels, without which none can take over: kills them, and starts them again. Absent without sentinels. */
  sentinels?: { kill(): Promise<void>; start(): Promise<void> };
  /** Moves so many slots that hold keys from one primary to another. Absent unless it is a Cluster. @returns what was done */
  moveSlots?(count: number): Promise<string>;
  /** Refuses each write to its files, as a full disk does; false ends that. Absent as slowDisk. */
  fillDisk?(isFull: boolean): Promise<void>;
}

/** What Redis reports of itself. */
export interface RedisReport {
  /** The servers that are primaries; absent for a Redis without replicas. */
  primaries?: string[];
  /** It refuses writes, in a Cluster at least some: a primary has no replica or does not answer, or it is full. */
  refusesWrites?: true;
  /** As PartStatus.facts: its role, replicas, memory, and errors of what keeps its data. */
  facts: string[];
}

/** The network between each replica and Redis, which can be broken. */
export interface Network {
  /** Drops everything in both directions silently, as if a cable was pulled. */
  cut(replica: number): Promise<void>;
  /** Ends a cut and a delay. */
  heal(replica: number): Promise<void>;
  /** Every byte arrives `ms` later, in each direction. */
  delay?(replica: number, ms: number): Promise<void>;
  /** Ends every connection with a TCP reset; new ones can be made at once. @returns their number */
  reset?(replica: number): Promise<number>;
  /** Pings Redis the way the replica reaches it. @returns as RedisPart's `ping` */
  ping(replica: number, ms: number): Promise<number | null>;
}

/** Environment variables of a replica. */
export type Settings = Record<string, string>;

export interface Description {
  driver: string;
  store: string;
  http: string;
  https: string;
  /** Versions of nginx and Redis. */
  versions: { nginx: string; redis: string };
  /** Absent without Prometheus. */
  prometheus?: string;
}

export interface ReplicaStatus {
  /** From 1; what commands call it. */
  number: number;
  /** As in X-Served-By. */
  name: string;
  /** What people call it: app-1, also in a Swarm, where X-Served-By has the id of a container. */
  label: string;
  /** The process id, or the container. */
  runsAs: string;
  state: 'starting' | 'ready' | 'draining' | 'paused' | 'down';
  /** When it started, was paused or ended, whichever its state is; ISO 8601; null if unknown. */
  since: string | null;
  /** Since it started; null if unknown. */
  requestsServed: number | null;
  /** Where it serves by itself, behind nginx. Absent if that cannot be reached from here. */
  http?: string;
}

/** A server that the replicas depend on, or that watches them. */
export interface PartStatus {
  name: 'nginx' | 'redis' | 'prometheus';
  /** The process id, or the container. */
  runsAs: string;
  /** `refuses`: it answers, but refuses writes (RedisReport); `silent`: its process runs, and it does not answer. */
  state: 'ready' | 'refuses' | 'paused' | 'silent' | 'down';
  /** As that of a replica. */
  since: string | null;
  /** What else is to be known of it, for people. */
  facts: string[];
}

/** Receives progress, a line at a time. */
export type Reporter = (line: string) => void;

export interface LogOptions {
  parts?: string[];
  /** Number of last lines of each part. */
  lines: number;
  /** Continue with new lines until this aborts. */
  follow?: AbortSignal;
}

/** What went wrong and what to do next, in one line, with the last log lines of the part that failed. */
export class FleetError extends Error {
  override name = 'FleetError';
  readonly logLines: string[];

  constructor(message: string, logLines: string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.logLines = logLines;
  }
}

/** @throws {FleetError} if there is no such replica */
export function pickReplica<T extends { number: number }>(replicas: T[], number: number): T {
  const found = replicas.find((replica) => replica.number === number);
  if (found) return found;
  const numbers = replicas.map((replica) => replica.number).join(', ');
  throw new FleetError(`there is no replica ${number}: there are ${numbers || 'none'}`);
}

export const maxReplicas = 50;

/** @throws {FleetError} unless it is a whole number from 1 to maxReplicas */
export function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= maxReplicas) return;
  throw new FleetError(`a fleet has 1 to ${maxReplicas} replicas`);
}
