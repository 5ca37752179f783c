import type { Progress } from '../run/progress.ts';

/** A server to be measured. */
export interface BenchReplica {
  name: string;
  pid: number;
  url: string;
  adminUrl: string;
}

/** Starts what is measured, on one Redis, and ends it afterwards. */
export interface BenchServers {
  redisPort: number;
  /** Starts a replica of this application. */
  startReplica(name: string, settings: Record<string, string>): Promise<BenchReplica>;
  /** Starts another application. */
  startPeer(name: string, main: string, settings: Record<string, string>): Promise<BenchReplica>;
  /** Starts nginx before these groups. @returns the address of each */
  startNginx(groups: Record<string, BenchReplica[]>): Promise<Record<string, string>>;
}

/** How a comparison is measured. */
export interface Bench {
  /** How often everything is measured in turn; what is compared is a median of these. */
  rounds: number;
  seconds: number;
  connections: number;
  /** The candidates to measure; all if it is empty. */
  only: string[];
  withServers<T>(use: (servers: BenchServers) => Promise<T>): Promise<T>;
  /** Installs the packages of the peers in this folder. */
  installPeers(dir: string): Promise<void>;
  progress: Progress;
  ending: AbortSignal;
}

/** A table, the same as data, and whether each goal is met. */
export interface Result {
  columns: string[];
  rows: string[][];
  /** Lines below the table. */
  notes: string[];
  data: unknown;
  /** The same as plots, on a page of one file. */
  page?: string;
  isMet: boolean;
}

/** What is compared. @throws {FleetError} if a round is void: a response was lost, or no success */
export interface Comparison {
  about: string;
  run(bench: Bench): Promise<Result>;
}
