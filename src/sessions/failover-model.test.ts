import { expect, test } from 'vitest';

// A model of sessions on a Redis that fails over, checked in every interleaving: what the session layer does to a session, to
// its user's list and to its kept answers, step by step, with replicas that lag, and one failover at any moment, of a primary that
// is dead or alive. It shows why a change waits for a replica and then asks whether a failover has begun, why a repeat does too, and
// why a repeated login looks at the list. In a Cluster the list is on another server than the session, and each may fail over.
// G1: what was acknowledged is there; G3: what was ended stays ended; G6: a repeated request takes effect once.

/** What one server has: sessions by handle, with their items; the user's list, -1 for what is being ended; answered keys. */
interface Store {
  sessions: Record<string, string[]>;
  list: Record<string, number>;
  kept: string[];
}

interface Server {
  /** The store after each write to the primary. */
  log: Store[];
  /** How much of it the replica has that has most. */
  has: number;
  /** How much of it the successor has, once a failover has begun: it hears nothing of the primary any more; the others do. */
  begun?: number;
  /** 1 once everybody uses the successor. */
  epoch: number;
}

interface State {
  /** One with sentinels and several replicas; or two of a Cluster with a replica each: the first has sessions, the second lists. */
  servers: Server[];
  processes: Process[];
}

/** What of a store a command is about. */
type Part = 'sessions' | 'list';

type Kind = 'write' | 'logout' | 'login' | 'revoke';
interface Process {
  kind: Kind;
  /** Its Idempotency-Key, or the handle of the session that a login makes. */
  key: string;
  step: string;
  /** What it has read. */
  seen?: Store;
  /** What a WAIT waits for, at which server, on which connection. */
  offset?: number;
  at?: number;
  epoch?: number;
  tries: number;
  /** What it was told: `ok`, `refused`, or `unknown`. */
  told?: string;
}

interface Rules {
  /** A change is acknowledged once a replica has it. */
  waits: boolean;
  /** And once the sentinels, asked after that, have begun no failover. */
  asks: boolean;
  /** So is what a repeat finds. */
  repeatsWait: boolean;
  /** "Log out everywhere" marks sessions as ending, and ends them once a replica has the marks. */
  marksWait: boolean;
  /** In a Cluster a login waits for the list before it writes its session. */
  listsWait: boolean;
  /** A repeat of a login looks whether its session is still in the list. */
  repeatsLook: boolean;
}

const right: Rules = {
  waits: true,
  asks: true,
  repeatsWait: true,
  marksWait: true,
  listsWait: true,
  repeatsLook: true,
};
const begin: Store = { sessions: { s: [] }, list: { s: 1 }, kept: [] };
const isCluster = ({ servers }: State) => servers.length > 1;
const serverOf = (state: State, part: Part) => (part === 'list' && isCluster(state) ? 1 : 0);
const lastOf = ({ servers }: State, server: number) => servers[server]?.log.at(-1) as Store;
const last = (state: State): Store => ({ ...lastOf(state, 0), list: lastOf(state, serverOf(state, 'list')).list });
/** Four times as fast as structuredClone. */
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function write(state: State, part: Part, change: (store: Store) => unknown): void {
  const server = serverOf(state, part);
  const store = copy(lastOf(state, server));
  change(store);
  if (JSON.stringify(store) !== JSON.stringify(lastOf(state, server))) state.servers[server]?.log.push(store);
}

/** From here on the process waits until a replica has all that was written before; without the rule it does not. */
function wait(state: State, process: Process, part: Part, isRule: boolean, next = 'ok'): void {
  process.at = serverOf(state, part);
  const { log, epoch } = state.servers[process.at] as Server;
  process.offset = isRule ? log.length : 0;
  process.epoch = epoch;
  process.step = `wait ${next}`;
}

function tell(process: Process, told: string): void {
  process.told = told;
  process.step = 'over';
}

/** Too few replicas confirmed, or the connection broke: the outcome is unknown, and a request with a key is repeated once. */
function giveUp(process: Process): void {
  if (process.tries === 1 || process.kind === 'revoke') tell(process, 'unknown');
  else Object.assign(process, { step: 'begin', tries: process.tries + 1 });
}

/** The next atomic step of each kind of request, where it does not wait. */
const steps: Record<Kind, (state: State, process: Process, rules: Rules) => void> = {
  write(state, process, rules) {
    const { key, seen } = process;
    const store = last(state);
    if (process.step === 'begin') {
      process.seen = copy(store);
      if (store.kept.includes(key)) wait(state, process, 'sessions', rules.repeatsWait);
      else if (!store.sessions.s) tell(process, 'refused');
      else process.step = 'set';
    } else if (store.sessions.s && JSON.stringify(store.sessions.s) === JSON.stringify(seen?.sessions.s)) {
      write(state, 'sessions', ({ sessions, kept }) => {
        sessions.s?.push(key);
        kept.push(key);
      });
      wait(state, process, 'sessions', rules.waits);
    } else process.step = 'begin'; // changed meanwhile
  },

  logout(state, process, rules) {
    if (process.step === 'begin' && !last(state).sessions.s) wait(state, process, 'sessions', rules.repeatsWait);
    else if (process.step === 'begin') process.step = 'end';
    else {
      write(state, 'sessions', ({ sessions }) => delete sessions.s); // a handle in the list that leads nowhere does no harm
      wait(state, process, 'sessions', rules.waits);
    }
  },

  login(state, process, rules) {
    const { key } = process;
    const { sessions, list } = last(state);
    if (process.step === 'begin' && process.tries === 1) {
      // The mark at its old id leads to the session, if it was written.
      if (sessions[key]) wait(state, process, 'sessions', rules.repeatsWait, rules.repeatsLook ? 'look' : 'ok');
      else tell(process, 'unknown');
    } else if (process.step === 'begin') {
      write(state, 'list', ({ list }) => Object.assign(list, { [key]: 1 }));
      wait(state, process, 'list', rules.listsWait && isCluster(state), 'set');
    } else if (process.step === 'set') {
      write(state, 'sessions', ({ sessions }) => Object.assign(sessions, { [key]: [] }));
      wait(state, process, 'sessions', rules.waits, 'look');
    } else if ((list[key] ?? -1) >= 0) tell(process, 'ok');
    else {
      write(state, 'sessions', ({ sessions }) => delete sessions[key]);
      wait(state, process, 'sessions', rules.waits, 'refused');
    }
  },

  revoke(state, process, rules) {
    const handles = Object.keys(process.seen?.list ?? {});
    if (process.step === 'begin') {
      process.seen = copy(last(state));
      process.step = 'mark';
    } else if (process.step === 'mark') {
      write(state, 'list', ({ list }) => {
        for (const handle of handles) if (handle in list) list[handle] = -1;
      });
      wait(state, process, 'list', rules.marksWait, 'end');
    } else {
      write(state, 'sessions', ({ sessions }) => {
        for (const handle of handles) delete sessions[handle];
      });
      wait(state, process, 'sessions', rules.waits);
    }
  },
};

/** @returns false if it can do nothing now */
function advance(state: State, process: Process, rules: Rules): boolean {
  if (process.step === 'over') return false;
  const [, next] = /^wait (\w+)$/.exec(process.step) ?? [];
  const { epoch, has, begun } = state.servers[process.at ?? 0] as Server;
  if (next === undefined) steps[process.kind](state, process, rules);
  else if (process.offset && process.epoch !== epoch) giveUp(process);
  else if (has < (process.offset ?? 0)) return false;
  else if (rules.asks && !isCluster(state) && process.offset && begun !== undefined && epoch === 0) giveUp(process);
  else if (next === 'ok' || next === 'refused') tell(process, next);
  else process.step = next;
  return true;
}

/** Every state that can follow. */
function nextOf(state: State, rules: Rules): State[] {
  const following: State[] = [];
  for (const number of state.processes.keys()) {
    const next = copy(state);
    if (advance(next, next.processes[number] as Process, rules)) following.push(next);
    const late = copy(state);
    const process = late.processes[number] as Process;
    if (process.step.startsWith('wait') && (process.offset ?? 0) > 0) {
      giveUp(process);
      following.push(late);
    }
  }
  for (const [number, { log, has, begun, epoch }] of state.servers.entries()) {
    const become = (change: Partial<Server>) => {
      const next = copy(state);
      Object.assign(next.servers[number] as Server, change);
      following.push(next);
    };
    // The only replica of a server of a Cluster becomes its successor, and hears nothing of it any more.
    const isHeard = !isCluster(state) || begun === undefined || epoch === 1;
    if (has < log.length && isHeard) become({ has: has + 1 });
    // What the successor does not have is gone. A primary that is dead does nothing between the two.
    if (begun === undefined) become({ begun: has });
    else if (epoch === 0) become({ log: copy(log.slice(0, begun)), has: begun, epoch: 1 });
  }
  return following;
}

/** What is wrong when everything has ended. */
function violationsOf(state: State): string[] {
  const { sessions, list } = last(state);
  const was = (kind: Kind, told: string) => state.processes.filter((one) => one.kind === kind && one.told === told);
  // One whose outcome is unknown may have ended the session.
  const mayBeEnded = [
    ...was('logout', 'ok'),
    ...was('logout', 'unknown'),
    ...was('revoke', 'ok'),
    ...was('revoke', 'unknown'),
  ];
  const wrong: string[] = [];
  for (const { key } of was('write', 'ok'))
    if (mayBeEnded.length === 0 && !sessions.s?.includes(key)) wrong.push('G1: an acknowledged write is lost');
  if (was('logout', 'ok').length > 0 && sessions.s) wrong.push('G3: a logout is undone');
  // Of a login that was told nothing else, no visitor has the cookie.
  const isOpen = (handle: string) => handle === 's' || was('login', 'ok').some(({ key }) => key === handle);
  for (const { seen } of was('revoke', 'ok'))
    for (const handle of Object.keys(seen?.list ?? {}))
      if (sessions[handle] && isOpen(handle)) wrong.push('G3: a session outlives "log out everywhere"');
  for (const { key } of was('login', 'ok')) {
    const isRevoked = state.processes.some(({ kind, seen }) => kind === 'revoke' && seen && key in seen.list);
    if (!isRevoked && !sessions[key]) wrong.push('G1: an acknowledged login is lost');
    if (sessions[key] && list[key] === undefined) wrong.push('G3: no list has a session that is there');
  }
  if (new Set(sessions.s).size < (sessions.s?.length ?? 0)) wrong.push('G6: a write took effect twice');
  return wrong;
}

/** Looks at every interleaving. @returns the number of states, and what can be wrong at the end of one */
function explore(kinds: [Kind, string][], rules: Rules, servers: number): { states: number; violations: Set<string> } {
  const processes = kinds.map(([kind, key]): Process => ({ kind, key, step: 'begin', tries: 0 }));
  const server = (): Server => ({ log: [copy(begin)], has: 1, epoch: 0 });
  const start: State = { servers: Array.from({ length: servers }, server), processes };
  const known = new Set([JSON.stringify(start)]);
  const open = [start];
  const violations = new Set<string>();
  for (let state = open.pop(); state; state = open.pop()) {
    if (state.processes.every(({ step }) => step === 'over'))
      for (const one of violationsOf(state)) violations.add(one);
    for (const next of nextOf(state, rules)) {
      const text = JSON.stringify(next);
      if (known.has(text)) continue;
      known.add(text);
      open.push(next);
    }
  }
  return { states: known.size, violations };
}

const scenes: Record<string, [Kind, string][]> = {
  'two writes': [
    ['write', 'a'],
    ['write', 'b'],
  ],
  'a write and a logout': [
    ['write', 'a'],
    ['logout', ''],
  ],
  'a login and "log out everywhere"': [
    ['login', 't'],
    ['revoke', ''],
  ],
};

const cases = Object.entries(scenes).flatMap(([scene, kinds]) => [
  [scene, 'with sentinels', kinds, 1] as const,
  [scene, 'in a Cluster', kinds, 2] as const,
]);

/** To explore all states of the largest scene takes 2 s; beside other processes several times that. */
const exploreMs = 30_000;

test.each(cases)(
  '%s, %s: nothing is wrong, whenever a primary fails or is replaced',
  (_scene, _where, kinds, servers) => {
    const { states, violations } = explore(kinds, right, servers);
    expect([...violations]).toEqual([]);
    expect(states).toBeGreaterThan(300);
  },
  exploreMs,
);

test.each<[string, string, Partial<Rules>, string[], servers?: number]>([
  ['changes that do not wait', 'two writes', { waits: false }, ['G1: an acknowledged write is lost']],
  ['changes that do not ask', 'two writes', { asks: false }, ['G1: an acknowledged write is lost']],
  ['a logout that does not ask', 'a write and a logout', { asks: false }, ['G3: a logout is undone']],
  ['a logout that does not wait', 'a write and a logout', { waits: false }, ['G3: a logout is undone']],
  ['repeats that do not wait', 'two writes', { repeatsWait: false }, ['G1: an acknowledged write is lost']],
  [
    'marks that do not wait',
    'a login and "log out everywhere"',
    { marksWait: false },
    ['G3: a session outlives "log out everywhere"'],
  ],
  [
    'a login in a Cluster whose list does not wait',
    'a login and "log out everywhere"',
    { listsWait: false },
    ['G3: no list has a session that is there'],
    2,
  ],
  [
    'a repeat of a login that does not look',
    'a login and "log out everywhere"',
    { repeatsLook: false },
    ['G3: a session outlives "log out everywhere"'],
  ],
])(
  'the model finds what is wrong with %s',
  (_, scene, change, expected, servers = 1) => {
    const { violations } = explore(scenes[scene] ?? [], { ...right, ...change }, servers);
    expect([...violations]).toEqual(expect.arrayContaining(expected));
  },
  exploreMs,
);
