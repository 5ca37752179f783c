/** Users of the site that the room can start and stop. The room asks them what they see; who they are is not its matter. */
export interface Visitors {
  /** Resolves once they are logged in and busy. */
  start(site: Site): Promise<void>;
  /** Resolves once nobody sends a request any more. Safe where there are none. */
  stop(): Promise<void>;
  /** Cheap: it is asked every second. */
  look(): Sight;
}

export interface Site {
  http: string;
  store: string;
}

export interface Sight {
  state: 'away' | 'arriving' | 'busy' | 'leaving';
  /** Why the room may neither start nor stop them, nor cost them requests while they are there; absent where it may. */
  reserved?: string;
  /** How many they are, or would be. */
  users: number;
  /** Since they came; null where they never did. */
  totals: Totals | null;
  /** The last minutes, finished seconds alone, oldest first. */
  seconds: SecondSeen[];
  /** What somebody else breaks while they are there, oldest first. */
  faults: FaultSeen[];
}

export interface Totals {
  /** Milliseconds since 1970. */
  since: number;
  /** Where sessions were kept when they came; null where nobody says. */
  store: string | null;
  /** How many they are. */
  users: number;
  requests: number;
  /** Requests that did not succeed, but for refusals that are right. */
  failed: number;
  /** Users whom the site took for themselves when they last asked. */
  whole: number;
  /** Sessions that ended without a logout. */
  lost: number;
  /** Writes that were acknowledged. */
  writes: number;
  /** Those of them that a later look at the same cart did not show. */
  writesLost: number;
}

export interface SecondSeen {
  /** Which, in seconds since 1970. */
  at: number;
  requests: number;
  failed: number;
  /** Milliseconds to an answer, of what succeeded. */
  p50: number | null;
  p99: number | null;
}

export interface FaultSeen {
  name: string;
  targets: string[];
  /** Milliseconds since 1970; `end` is null while it lasts. */
  start: number;
  end: number | null;
  /** What was seen of it; empty as long as nothing was. */
  landed: string;
  problem?: string;
}

export const nobody: Visitors = {
  start: async () => {},
  stop: async () => {},
  look: () => ({
    state: 'away',
    reserved: 'this room has no users of its own',
    users: 0,
    totals: null,
    seconds: [],
    faults: [],
  }),
};
