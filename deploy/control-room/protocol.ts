import type { Entry, Mark } from './journal.ts';
import type { Totals } from './visitors.ts';

// What the page is told. It shows this and decides nothing.

export type Tone = 'good' | 'bad' | 'unknown' | 'plain';

export interface Button {
  action: string;
  label: string;
  /** Which replica it is for, by number. */
  replica?: number;
  /** Why it cannot be pressed; absent where it can. */
  why?: string;
  /** It is being done. */
  isBusy?: true;
}

export interface ReplicaView {
  number: number;
  name: string;
  runsAs: string;
  state: 'starting' | 'ready' | 'draining' | 'paused' | 'down';
  /** Milliseconds since 1970: when it started, or, if it is down, ended. */
  since: number | null;
  perSecond: number | null;
  p50: number | null;
  p99: number | null;
  inFlight: number | null;
  restarts: number | null;
  /** Where it keeps sessions, and its version, as it says itself. */
  store: string | null;
  version: string | null;
  buttons: Button[];
}

export interface PartView {
  state: 'up' | 'hangs' | 'down' | 'silent' | 'unknown';
  words: string;
  buttons: Button[];
}

/** What there is to see now. */
export interface View {
  /** Milliseconds since 1970. */
  at: number;
  /** Null while there is no fleet. */
  fleet: { driver: string; store: string; http: string; prometheus: string | null } | null;
  /** What the reader must know of the figures themselves. */
  notices: { tone: Tone; text: string }[];
  sentence: { tone: Tone; text: string };
  visitors: {
    state: 'away' | 'arriving' | 'busy' | 'leaving';
    users: number;
    totals: Totals | null;
    /** In the last second. */
    perSecond: number | null;
    failedPerSecond: number | null;
    p50: number | null;
    p99: number | null;
    button: Button;
  };
  nginx: PartView & { perSecond: number | null };
  replicas: ReplicaView[];
  /** Add, remove, roll. */
  all: Button[];
  redis: PartView;
  stores: { name: string; about: string; isChosen: boolean; button: Button }[];
}

/** A second of the timeline; null where nobody knows. */
export interface Point {
  /** Seconds since 1970. */
  at: number;
  requests: number | null;
  failed: number | null;
  p50: number | null;
  p99: number | null;
  /** Who says so. */
  by: 'users' | 'replicas' | null;
}

/** A viewer gets all of it once, and then what is new. */
export interface News {
  view: View;
  points: Point[];
  entries: Entry[];
  marks: Mark[];
}
