import type { Progress } from '../run/progress.ts';
import type { Spread } from './spread.ts';

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
  /** Starts a replica of this application, on this database of Redis (0). */
  startReplica(name: string, settings: Record<string, string>, database?: number): Promise<BenchReplica>;
  /** Starts a primary with two replicas and three sentinels, in memory too. @returns the settings of a replica that uses it */
  startSentinels(): Promise<Record<string, string>>;
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
  /** The parts to measure; all if it is empty. */
  only: string[];
  withServers<T>(use: (servers: BenchServers) => Promise<T>): Promise<T>;
  /** Installs the packages of the peers in this folder. */
  installPeers(dir: string): Promise<void>;
  progress: Progress;
  ending: AbortSignal;
}

export interface Table {
  columns: string[];
  rows: string[][];
}

export interface Plot {
  title: string;
  unit: string;
  bars: { label: string; spread: Spread | null }[];
}

/** What was measured: as tables, as data, as plots, and whether each goal is met. */
export interface Result {
  tables: Table[];
  /** Lines below the tables. */
  notes: string[];
  data: unknown;
  plots?: Plot[];
  /** Markdown for the document that shows these figures. */
  markdown?: string;
  isMet: boolean;
}

/** What is compared. @throws {FleetError} if a round is void: a response was lost, or no success */
export interface Comparison {
  about: string;
  /** What can be measured alone. */
  parts?: string[];
  /** Shows the figures; it has the markers of `bench <name>`. */
  document?: string;
  run(bench: Bench): Promise<Result>;
}
