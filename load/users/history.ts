/**
 * How an operation ended. `ok`: it took effect. `fail`: it did not. `unknown`: it may have, because it was sent and no
 * response says whether it did.
 */
export type Outcome = 'ok' | 'fail' | 'unknown';

export type Kind =
  | 'login'
  | 'add'
  | 'remove'
  | 'cart'
  | 'prefer'
  | 'preferences'
  | 'profile'
  | 'whoami'
  | 'logout'
  | 'logout-everywhere';

/**
 * One request of one user. Times are milliseconds since the run began, on one monotonic clock.
 *
 * A session is what a visitor expects to be one: from the first request, through the login, to the logout. A user has one
 * after the other, and two at once before a `logout-everywhere`. Adds and preferences are numbered within their session,
 * and no number is written twice except by a repeat with the same Idempotency-Key.
 */
export interface Operation {
  /** Counts from 1; part of the X-Request-Id, which nginx logs. */
  id: number;
  /** `user-0017.2`: the second session of user-0017. */
  session: string;
  kind: Kind;
  /** The number that is written (add, remove, prefer). */
  value?: number;
  start: number;
  end: number;
  outcome: Outcome;
  /** HTTP status; null without a response. */
  status: number | null;
  /** X-Served-By; null if no replica answered. */
  replica: string | null;
  /**
   * What the response showed: the cart in its order, an item twice if its quantity is 2 (cart, add, remove), or the
   * preference, if there is one (preferences, prefer). Numbers belong to this session; another session's are strings.
   */
  observed?: (number | string)[];
  /** The user the response was for (profile, whoami): an id, or null if logged out. */
  observedUser?: string | null;
  /** Fingerprints of the session id before and after a login. */
  sessionIds?: [before: string | null, after: string | null];
  /** It was sent with a cookie that must open no session: of one that was logged out, or from before the login. */
  cookie?: 'logged-out' | 'before-login';
  /** The sessions that a `logout-everywhere` ends. */
  endsSessions?: string[];
  /** When the replica that answered was started (whoami), ISO 8601. */
  replicaStartedAt?: string;
  /** The operation that this one repeats, with the same Idempotency-Key if it writes. */
  repeatOf?: number;
  /** The kind of problem that an error response (5xx) names: store-unavailable, outcome-unknown, replica-timeout, … */
  problem?: string;
  /** Why there is no response. `closed`: the server closed a kept-alive connection, as it may. */
  error?: string;
  /** The status in nginx's access log; null if the log has no such line; absent if it was not read. */
  loggedStatus?: number | null;
  /** How many replicas nginx tried, one after the other; absent if the log was not read or has no such line. */
  upstreamTries?: number;
}

/** What a fault may cost while it lasts and for a second afterwards. */
export interface ImpactBudget {
  /** It must fail some request; otherwise no user was affected and the run proves nothing. */
  mustFail?: true;
  /** Which requests may fail. */
  failures: 'none' | 'writes' | 'all';
  /** The longest time without any success; null for no limit. */
  stallMs: number | null;
  /** The longest response time; null for no limit. */
  answerMs: number | null;
  /**
   * A change whose outcome is unknown may be seen before it, and be gone after it: a failover. What was acknowledged must be there.
   */
  mayForgetUnknown?: true;
  /** What users get from so long after its start until its end: this part of the successes per second before it, and p99. */
  steady?: { afterMs: number; throughput: number; p99Ms: number };
}

/** What a fault is done to. */
export type FaultTarget = 'replica' | 'fleet' | 'redis' | 'network' | 'nginx';

/** A fault, and the proof that it landed. Times as in Operation. */
export interface FaultRecord {
  fault: string;
  target: FaultTarget;
  /** The replicas or parts it was done to. */
  targets: string[];
  start: number;
  /** When everything was healed; null if it never was. */
  end: number | null;
  /** The proof that it landed; empty without one. */
  evidence: string;
  /** Why it could not be applied, or healed. */
  problem?: string;
  impactBudget: ImpactBudget;
}

/** A stream of events that a user kept open (GET /events). Times as in Operation. */
export interface StreamRecord {
  /** As in Operation. */
  session: string;
  /** Null if its response named none. */
  replica: string | null;
  /** When its first byte arrived. */
  start: number;
  end: number;
  /** It was open until the run ended it. */
  wasOpen: boolean;
}

/** What the background load observed of its own requests. It is not part of the proof. */
export interface BackgroundLoad {
  answered: number;
  failed: number;
}

/** Times as in Operation. */
export interface EventLoopStall {
  start: number;
  end: number;
}

/** The worst values of a run. */
export interface MachineLoad {
  processors: number;
  /** Of one minute. */
  loadAverage: number;
  /** Null if Redis was not asked. */
  redisPingMs: number | null;
}

/** What is known when a run starts. */
export interface Header {
  /** The version of the history format. */
  format: 2;
  plan: string;
  driver: string;
  store: string;
  seed: number;
  users: number;
  /** Every replica at the start. */
  replicas: string[];
  /** ISO 8601. */
  startedAt: string;
  /** The command that repeats the run: it makes the same choices. */
  command: string;
  /** What the run used, for people to read: versions, processors, settings. */
  environment: Record<string, string>;
}

/** What is known when a run has ended. */
export interface Footer {
  /** How many requests the users started. Each one ended as an operation, or the history is incomplete. */
  invoked: number;
  /** Lines of nginx's access log that belong to this run but to no operation; null if the log was not read. */
  unmatchedLogLines: number | null;
  /** Absent if users kept none open. */
  streams?: StreamRecord[];
  /** Null without background load. */
  backgroundLoad: BackgroundLoad | null;
  /** When the process of the users stalled, as on a busy machine: no response could have been read then. */
  eventLoopStalls: EventLoopStall[];
  /** How busy the machine was; absent if that is unknown. */
  machine?: MachineLoad;
  /** Every replica at the end; absent if that is unknown. */
  replicasAtEnd?: string[];
  /** Faults that this fleet does not support, and why. */
  skipped: { fault: string; reason: string }[];
  /** The run was ended early. */
  interrupted: boolean;
  /** The error that ended the run, if one did. */
  problem?: string;
}

export interface History extends Header, Footer {
  operations: Operation[];
  faults: FaultRecord[];
}
