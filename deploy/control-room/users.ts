/** Users of the site that the room can start and stop. Another package implements them. */
export interface RoomUsers {
  /** Resolves once they are logged in and busy. */
  start(site: Site): Promise<void>;
  /** Resolves once no user sends requests. Safe without users. */
  stop(): Promise<void>;
  /** Called every second, so it must be cheap. */
  status(): UsersStatus;
}

export interface Site {
  http: string;
  store: string;
}

export interface UsersStatus {
  state: 'away' | 'arriving' | 'busy' | 'leaving';
  /** Why the room may neither start or stop them, nor fail their requests; absent if it may. */
  reserved?: string;
  /** How many users there are, or would be. */
  users: number;
  /** Since they arrived; null if they never did. */
  totals: Totals | null;
  /** The completed seconds of the last minutes, oldest first. */
  seconds: SecondStats[];
  /** Faults of a plan while they are there, oldest first. */
  faults: FaultStatus[];
}

export interface Totals {
  /** Milliseconds since 1970. */
  since: number;
  /** The store when they arrived; null if unknown. */
  store: string | null;
  /** How many users there are. */
  users: number;
  requests: number;
  /** Requests that failed outside the budget of a plan's faults; correct refusals do not count. */
  failed: number;
  /** Requests that failed within it. */
  excused: number;
  /** Users whom the site recognised when they last asked. */
  intact: number;
  /** Sessions that ended without a logout. */
  lost: number;
  /** Acknowledged writes. */
  writes: number;
  /** Acknowledged writes that a later read of the same cart did not show. */
  writesLost: number;
}

export interface SecondStats {
  /** Seconds since 1970. */
  at: number;
  requests: number;
  /** As in the totals. */
  failed: number;
  excused: number;
  /** Response times of successes, in milliseconds. */
  p50: number | null;
  p99: number | null;
}

export interface FaultStatus {
  name: string;
  target: 'replica' | 'fleet' | 'redis' | 'network' | 'nginx';
  targets: string[];
  /** Milliseconds since 1970; `end` is null while it lasts. */
  start: number;
  end: number | null;
  /** The proof that it landed; empty without one. */
  evidence: string;
  problem?: string;
}

export const noUsers: RoomUsers = {
  start: async () => {},
  stop: async () => {},
  status: () => ({
    state: 'away',
    reserved: 'this room has no users of its own',
    users: 0,
    totals: null,
    seconds: [],
    faults: [],
  }),
};
