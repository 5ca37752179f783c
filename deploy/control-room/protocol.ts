import type { ReplicaStatus } from '../fleet/fleet.ts';
import type { PartState } from './monitor/state.ts';
import type { SecondStats, UsersStatus } from './users.ts';

// What the page receives. It shows this and decides nothing.

export type Tone = 'good' | 'bad' | 'unknown' | 'plain';

/** The answer to a request that is refused. */
export interface Refusal {
  /** The HTTP status. */
  status: number;
  reason: string;
}

/** Something that happened, in words. An entry may change, from the start of an action to its result. */
export interface Entry {
  id: number;
  /** Milliseconds since 1970. */
  at: number;
  tone: Tone;
  text: string;
}

/** A moment marked on the timeline. */
export interface Mark {
  id: number;
  at: number;
  name: string;
  kind: 'replica' | 'redis' | 'nginx' | 'other';
}

export interface Button {
  action: string;
  label: string;
  /** The number of the replica it is for; undefined for another target. */
  replica: number | undefined;
  /** Why it is disabled; undefined if it is not. */
  disabledReason: string | undefined;
  /** The action is running. */
  isBusy: boolean;
}

/** What a replica measures of itself; null if unknown. */
export interface ReplicaMetrics {
  perSecond: number | null;
  /** Responses with a status of 5xx per second. */
  failedPerSecond: number | null;
  p50: number | null;
  p99: number | null;
  inFlight: number | null;
  /** In the last hour. */
  restarts: number | null;
  /** 1 if it has a connection to Redis. */
  connected: number | null;
  store: string | null;
  version: string | null;
}

export interface ReplicaView
  extends ReplicaMetrics,
    Pick<ReplicaStatus, 'number' | 'name' | 'label' | 'runsAs' | 'state'> {
  /** Milliseconds since 1970: when it started, or, if it is down, ended. */
  since: number | null;
  buttons: Button[];
}

export interface PartView {
  state: PartState;
  /** If only to refuse something. */
  answers: boolean;
  text: string;
  buttons: Button[];
}

/** The present state of everything on the page. */
export interface View {
  /** Milliseconds since 1970. */
  at: number;
  /** Null without a fleet. */
  fleet: { driver: string; store: string; http: string; prometheus: string | null } | null;
  /** Limits of the numbers shown, such as a missing Prometheus. */
  notices: { tone: Tone; text: string }[];
  headline: { tone: Tone; text: string };
  users: Pick<UsersStatus, 'state' | 'users' | 'totals'> & {
    /** In the last second. */
    perSecond: number | null;
    failedPerSecond: number | null;
    p50: number | null;
    p99: number | null;
    /** Since the last successful request, if that was too long ago to know anything of the sessions now. */
    unseenSeconds: number | null;
    button: Button;
  };
  nginx: PartView & { perSecond: number | null };
  replicas: ReplicaView[];
  /** Add, remove, roll. */
  all: Button[];
  redis: PartView;
  stores: { name: string; about: string; isChosen: boolean; button: Button }[];
}

/** A second of the timeline; null if unknown. */
export interface Point extends Pick<SecondStats, 'at' | 'p50' | 'p99'> {
  requests: number | null;
  failed: number | null;
  /** Failures that a fault excuses; null if the replicas measured it, who do not know. */
  excused: number | null;
  /** Who measured it. */
  by: 'users' | 'replicas' | null;
}

/** A viewer gets everything once (`snapshot`), then what is new (`update`). */
export interface Update {
  view: View;
  points: Point[];
  entries: Entry[];
  marks: Mark[];
}
