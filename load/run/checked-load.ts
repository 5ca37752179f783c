import autocannon from 'autocannon';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import { recoveryMs } from '../users/outcome.ts';
import { logInUsers } from '../users/users.ts';
import type { Progress } from './progress.ts';

/** Something to break or restart while the load runs. */
export interface LoadStep {
  about: string;
  /** Seconds since the load began. */
  at: number;
  /** While it lasts and for a second afterwards, 503 is no failure. */
  stopsRedis: boolean;
  apply(fleet: Fleet): Promise<void>;
  /** Called at the end, if it was applied. */
  heal?(fleet: Fleet): Promise<void>;
}

export interface CheckedLoadOptions {
  fleet: Fleet;
  seconds: number;
  /** Connections of autocannon, each with a user of its own. */
  connections: number;
  path: string;
  steps: LoadStep[];
  progress: Progress;
  /** Ends the load early. */
  ending: AbortSignal;
}

/** What happened at which second. */
export interface LoadEvent {
  second: number;
  about: string;
}

export interface CheckedLoad {
  answered: number;
  /** Neither 2xx nor excused: other statuses, and connections that broke. */
  failed: number;
  /** 503 while Redis was restarted. */
  excused: number;
  /** Responses for another user. */
  wrongUser: number;
  /** Responses as to a visitor who is not logged in. */
  loggedOut: number;
  /** Users each of whose responses was for them, the last one after the load too. */
  sessionsIntact: number;
  sessions: number;
  /** Requests that autocannon dropped with a connection that was cut: it counts them nowhere. */
  dropped: number;
  latencyMs: { average: number; p50: number; p90: number; p99: number; max: number };
  /** Responses of each second. */
  perSecond: number[];
  events: LoadEvent[];
  /** Responses by replica, before the first step and after the last one; together without steps. */
  shares: { before: Record<string, number>; after: Record<string, number> };
}

/** A timer may fire so much early. */
const earlyMs = 5;

/** These say whose session it is; of any other path only the status is checked. */
const pathsWithUser = ['/profile', '/whoami'];

/**
 * Reads as fast as the fleet allows, with autocannon. Each connection is a user who has logged in, and each response is
 * checked for that user: a 200 alone proves nothing. Meanwhile the steps are applied, one after the other.
 *
 * autocannon credits responses to the wrong request after a broken connection; here all requests of a connection are alike.
 * @throws {FleetError} if a user cannot log in, or a step fails
 */
export async function runCheckedLoad(options: CheckedLoadOptions): Promise<CheckedLoad> {
  const { fleet, seconds, connections, path, steps, progress, ending } = options;
  const { http } = await fleet.describe();
  const cookies = await logInUsers(http, connections);
  const tally = createTally(pathsWithUser.includes(path), steps.length > 0);
  let next = 0;
  const running = autocannon({
    url: http,
    connections,
    duration: seconds,
    setupClient(client) {
      const user = next++ % connections;
      const onResponse = (status: number, body: string, _context: object, headers: object | undefined) =>
        tally.note(user, status, body, (headers ?? {}) as Record<string, string>);
      client.setRequests([{ method: 'GET', path, headers: { cookie: cookies[user] ?? '' }, onResponse }]);
    },
  });
  const stop = () => (running as unknown as { stop(): void }).stop();
  ending.addEventListener('abort', stop);
  const heals: (() => Promise<void>)[] = [];
  const unfollow = progress.follow(() => tally.describe(seconds, connections));
  try {
    const breaking = applySteps(options, tally, heals).catch((err: Error) => {
      stop();
      throw err;
    });
    const [result] = await Promise.all([running, breaking]);
    const lost = await lookAgain(http, cookies);
    return tally.toResult(result, seconds, connections, lost);
  } finally {
    unfollow();
    ending.removeEventListener('abort', stop);
    for (const heal of heals) await heal();
  }
}

async function applySteps(
  { fleet, steps, progress, ending }: CheckedLoadOptions,
  tally: Tally,
  heals: (() => Promise<void>)[],
): Promise<void> {
  for (const { about, at, stopsRedis, apply, heal } of steps) {
    await pause(Math.max(0, at * 1000 - tally.now()), ending);
    if (ending.aborted) return;
    tally.begin(about, stopsRedis);
    progress.report(`${(tally.now() / 1000).toFixed(1)} s: ${about}`);
    if (heal) heals.push(() => heal(fleet));
    await apply(fleet);
    tally.end();
  }
}

/** After the last step, serving must resume within this time. */
const backMs = 10_000;

/** Each user asks once more, until the answer says whose session it is. @returns the numbers of those not recognised */
async function lookAgain(http: string, cookies: string[]): Promise<number[]> {
  const deadline = performance.now() + backMs;
  const looks = cookies.map(async (cookie, user) => {
    for (;;) {
      const response = await fetch(`${http}/profile`, { headers: { cookie }, signal: AbortSignal.timeout(backMs) });
      const body = await response.text();
      // A 503 says nothing: the last step may have been the restart of Redis.
      if (response.status < 500 || performance.now() > deadline) return userIn(body) === idOf(user) ? [] : [user];
      await pause(100);
    }
  });
  return (await Promise.all(looks)).flat();
}

/** As `logInUsers` names them. */
const idOf = (user: number) => `user-${String(user + 1).padStart(4, '0')}`;

/** Whose response it is; null if that visitor is not logged in, or it is no response of this site. */
function userIn(body: string): string | null {
  try {
    return (JSON.parse(body) as { user?: { id: string } | null }).user?.id ?? null;
  } catch {
    return null;
  }
}

type Tally = ReturnType<typeof createTally>;

/** Counts what autocannon receives. */
export function createTally(hasUser: boolean, hasSteps: boolean) {
  const origin = performance.now();
  const now = () => performance.now() - origin;
  const counts = { answered: 0, failed: 0, excused: 0, wrongUser: 0, loggedOut: 0 };
  const perSecond: number[] = [];
  const events: LoadEvent[] = [];
  const shares: CheckedLoad['shares'] = { before: {}, after: {} };
  const lost = new Set<number>();
  let underWay = 0;
  let ended = 0;
  /** How many steps had ended at the last response of each connection: it sent its next request then. */
  const endedBefore = new Map<number, number>();
  let redisBackAt = Number.NEGATIVE_INFINITY;

  function noteUser(user: number, status: number, body: string): void {
    const found = status === 401 ? null : userIn(body);
    if (found === idOf(user)) return;
    lost.add(user);
    counts[found === null ? 'loggedOut' : 'wrongUser'] += 1;
  }

  return {
    now,
    begin(about: string, stopsRedis: boolean) {
      events.push({ second: Math.floor((now() + earlyMs) / 1000), about });
      underWay += 1;
      if (stopsRedis) redisBackAt = Number.POSITIVE_INFINITY;
    },
    end() {
      underWay -= 1;
      ended += 1;
      if (redisBackAt === Number.POSITIVE_INFINITY) redisBackAt = now();
      shares.after = {}; // counted since the last step
    },
    note(user: number, status: number, body: string, headers: Record<string, string>) {
      const at = now();
      counts.answered += 1;
      const second = Math.floor(at / 1000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
      const replica = headers['X-Served-By'] ?? 'no replica';
      // A response to a request from before the end of a step may come from a replica that is dead by now.
      const isOfNow = underWay === 0 && (endedBefore.get(user) ?? 0) === ended;
      endedBefore.set(user, ended);
      const share = isOfNow ? (ended > 0 ? shares.after : shares.before) : undefined;
      if (share) share[replica] = (share[replica] ?? 0) + 1;
      if (status === 503 && at <= redisBackAt + recoveryMs) counts.excused += 1;
      else if (status >= 500 || (status !== 200 && status !== 401)) counts.failed += 1;
      else if (hasUser) noteUser(user, status, body);
    },
    describe(seconds: number, users: number): string {
      const second = Math.floor(now() / 1000);
      return [
        `${second} of ${seconds} s`,
        `${perSecond[second - 1] ?? 0} requests/s`,
        `sessions intact ${users - lost.size} of ${users}`,
        `${counts.failed} failed`,
        ...(events.length > 0 ? [events.at(-1)?.about ?? ''] : []),
      ].join('  ·  ');
    },
    toResult(result: autocannon.Result, seconds: number, sessions: number, lostAtTheEnd: number[]): CheckedLoad {
      for (const user of lostAtTheEnd) lost.add(user);
      const { average, p50, p90, p99, max } = result.latency;
      const answers = result['2xx'] + result.non2xx;
      return {
        ...counts,
        failed: counts.failed + result.errors,
        sessionsIntact: sessions - lost.size,
        sessions,
        dropped: Math.max(0, result.requests.sent - answers - result.errors - sessions),
        latencyMs: { average, p50, p90, p99, max },
        perSecond: Array.from({ length: Math.min(seconds, perSecond.length) }, (_, second) => perSecond[second] ?? 0),
        events,
        shares: hasSteps ? shares : { before: shares.before, after: {} },
      };
    },
  };
}
