/**
 * How an operation ended. `ok`: it has happened. `fail`: it has not. `unknown`: it may have, because it was sent and no
 * answer came that says.
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
 * A session is all that a visitor expects to be one: from its first request, through the login, to the logout. A user has
 * one after the other, and two at once before a `logout-everywhere`. Adds and preferences are numbered within their
 * session, and no number is written twice but by a repeat with the same Idempotency-Key.
 */
export interface Operation {
  /** Counts from 1; nginx knows the request by it. */
  id: number;
  /** `user-0017.2`: the second session of user-0017. */
  session: string;
  kind: Kind;
  /** The number that is written (add, remove, prefer). */
  value?: number;
  start: number;
  end: number;
  outcome: Outcome;
  /** HTTP status; null where no answer came. */
  status: number | null;
  /** X-Served-By; null where no replica answered. */
  replica: string | null;
  /**
   * What the answer showed: the cart in its order, an article twice where its quantity is 2 (cart, add, remove), or the
   * preference, if there is one (preferences, prefer). Numbers of this session; another's are texts.
   */
  saw?: (number | string)[];
  /** Whom the answer was for (profile, whoami): a user id, or null for nobody. */
  sawUser?: string | null;
  /** Fingerprints of the session id before and after a login. */
  ids?: [before: string | null, after: string | null];
  /** It was sent with a cookie that should open nothing any more: of a session that was logged out, or from before the login. */
  cookie?: 'logged-out' | 'before-login';
  /** The sessions that a `logout-everywhere` ends. */
  ends?: string[];
  /** When the replica that answered was started (whoami); ISO 8601. */
  replicaStarted?: string;
  /** The operation that this one repeats, with the same Idempotency-Key if it writes. */
  repeats?: number;
  /** Why no answer came. `closed`: the other side closed a connection that had been used before, as it may. */
  error?: string;
  /** The status in nginx's access log; null where it has no such line; absent where nobody looked. */
  logged?: number | null;
  /** How many replicas nginx asked, one after the other; absent where nobody looked, or it has no such line. */
  tries?: number;
}

/** What a fault may cost while it lasts and for a second afterwards. */
export interface MayCost {
  /** It must fail some request, or nobody was there when it happened. */
  isFelt?: true;
  /** Which requests may fail. */
  failures: 'none' | 'writes' | 'all';
  /** The longest time without any success; null for no limit. */
  stallMs: number | null;
  /** The longest time in which a request may be answered; null for no limit. */
  answerMs: number | null;
}

/** A fault, and the proof that it landed. Times as in Operation. */
export interface FaultRecord {
  fault: string;
  /** The replicas or parts it was done to. */
  targets: string[];
  start: number;
  /** When what it broke was whole again; null where it never was. */
  end: number | null;
  /** What was seen of it; empty where nothing was. */
  landed: string;
  /** Why it could not be applied, or healed. */
  problem?: string;
  mayCost: MayCost;
}

/** What background load saw of its own requests. It is not part of the proof. */
export interface BackgroundLoad {
  answered: number;
  failed: number;
}

/** Times as in Operation. */
export interface Pause {
  start: number;
  end: number;
}

/** What is known when a run begins. */
export interface Header {
  /** Of this file: 1. */
  format: 1;
  plan: string;
  driver: string;
  store: string;
  seed: number;
  users: number;
  /** Every replica that there was at the start. */
  replicas: string[];
  /** ISO 8601. */
  startedAt: string;
  /** What repeats it: the same command makes the same choices. */
  command: string;
  /** What it ran on, for people to read: versions, processors, settings. */
  environment: Record<string, string>;
}

/** What is known when it has ended. */
export interface Footer {
  /** How many requests the users began. Each has ended as an operation, or the history is not whole. */
  invoked: number;
  /** Lines of nginx's access log that claim to be of this run, and belong to no operation. Null where nobody looked. */
  strangers: number | null;
  /** Null where there was none. */
  background: BackgroundLoad | null;
  /** When the process of the users itself stood still, as on a machine that is busy: nobody could have been answered then. */
  pauses: Pause[];
  /** Every replica that there was at the end; absent where nobody looked. */
  replicasLeft?: string[];
  /** Faults that this fleet cannot have, and why. */
  skipped: { fault: string; why: string }[];
  /** Somebody ended it before its time. */
  interrupted: boolean;
  /** The error at which the run broke off, if it did. */
  problem?: string;
}

export interface History extends Header, Footer {
  operations: Operation[];
  faults: FaultRecord[];
}
