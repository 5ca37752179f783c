/** What drives a deployment, whatever it runs on: a survival test, the command line, a control room. */
export interface Fleet {
  readonly driver: string;
  /** Where it is and what it runs. */
  describe(): Promise<Description>;
  replicas(): Promise<ReplicaStatus[]>;
  /**
   * Adds or removes replicas until there are `count`, the newest removed first. Those that are added get `settings` over
   * the fleet's own. Resolves once nginx knows.
   */
  scale(count: number, report?: Report, settings?: Settings): Promise<void>;
  /** Sends a signal. The replica stays down until it is restarted. Resolves once it is gone, where the signal ends it. */
  kill(replica: number, signal?: NodeJS.Signals): Promise<void>;
  /** Stops the replica's process where it is (SIGSTOP): its connections stay open, and nothing answers on them. */
  pause(replica: number): Promise<void>;
  resume(replica: number): Promise<void>;
  /** Drains it if it runs, starts it again, and resolves once it is ready. */
  restart(replica: number): Promise<void>;
  /** Restarts the replicas one after the other. */
  roll(report?: Report): Promise<void>;
  /** Replaces the replicas one after the other by such with `settings` over those of the fleet, which are its own from then on. */
  deploy(settings: Settings, report?: Report): Promise<void>;
  /**
   * Has cookies signed with a new secret. Two deploys: all replicas must know a secret before the first one signs with it.
   * @returns the new secret
   */
  rotateSecret(report?: Report): Promise<string>;
  /** Writes log lines of all parts, or of those named; ends at `signal` where it follows. */
  logs(options: LogOptions, write: (line: string) => void): Promise<void>;
  /** Ends everything. Data in Redis and logs are kept. Safe to call twice. */
  down(): Promise<void>;
  readonly redis: RedisPart;
  /** Absent where the driver has no hand on the way to Redis. */
  readonly links?: Links;
  readonly proxy: Part & { /** Reads the configuration anew. */ reload(): Promise<void> };
}

/** A server that the replicas depend on: Redis, or nginx. */
export interface Part {
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Stops it in order, starts it again, and resolves once it answers. */
  restart(): Promise<void>;
}

export interface RedisPart extends Part {
  /** @returns after how many milliseconds it answers; null where it does not within `ms` */
  ping(ms: number): Promise<number | null>;
  /** Sets a parameter (CONFIG SET) until the next start. @returns what it was */
  configure(parameter: string, value: string): Promise<string>;
  /** Has each fsync take `ms` longer, 0 for no longer. Absent where the driver cannot reach the disk, or may not. */
  slowDisk?(ms: number): Promise<void>;
}

/** The way from each replica to Redis, as a network that can be broken. */
export interface Links {
  /** Nothing passes any more, in either direction, and nobody is told: as with a cable pulled. */
  cut(replica: number): Promise<void>;
  /** As it was. */
  heal(replica: number): Promise<void>;
  /** Every byte arrives `ms` later, in each direction. */
  delay?(replica: number, ms: number): Promise<void>;
  /** Ends every connection with a TCP reset; new ones can be made at once. @returns how many there were */
  reset?(replica: number): Promise<number>;
  /** Goes the same way as the replica does. @returns as RedisPart's */
  ping(replica: number, ms: number): Promise<number | null>;
}

/** Environment variables of a replica. */
export type Settings = Record<string, string>;

export interface Description {
  driver: string;
  store: string;
  http: string;
  https: string;
  /** What nginx and Redis say that they are. */
  versions: { nginx: string; redis: string };
  /** Absent where the fleet runs without Prometheus. */
  prometheus?: string;
}

export interface ReplicaStatus {
  /** From 1. What commands call it. */
  number: number;
  /** As in X-Served-By. */
  name: string;
  /** The process id, or the container. */
  runsAs: string;
  state: 'starting' | 'ready' | 'draining' | 'paused' | 'down';
  /** When it started, or, if it is down, ended; ISO 8601. */
  since: string | null;
  /** Since it started; null where nobody can say. */
  requestsServed: number | null;
}

/** Tells what is being done, a line at a time. */
export type Report = (line: string) => void;

export interface LogOptions {
  parts?: string[];
  /** How many of the last lines of each part. */
  lines: number;
  /** Go on with new lines until this aborts. */
  follow?: AbortSignal;
}

/** What a fleet cannot do, in one line that says what to do next, with the last log lines of the part that failed. */
export class FleetError extends Error {
  override name = 'FleetError';
  readonly logLines: string[];

  constructor(message: string, logLines: string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.logLines = logLines;
  }
}

/** @throws {FleetError} where there is no such replica */
export function pickReplica<T extends { number: number }>(replicas: T[], number: number): T {
  const found = replicas.find((replica) => replica.number === number);
  if (found) return found;
  const numbers = replicas.map((replica) => replica.number).join(', ');
  throw new FleetError(`there is no replica ${number}: there are ${numbers || 'none'}`);
}

export const mostReplicas = 50;

/** @throws {FleetError} unless it is a whole number from 1 to mostReplicas */
export function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= mostReplicas) return;
  throw new FleetError(`a fleet has 1 to ${mostReplicas} replicas`);
}
