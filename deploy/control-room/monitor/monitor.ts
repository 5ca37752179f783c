import type { Fleet, RedisReport, ReplicaStatus } from '../../fleet/fleet.ts';
import { pause } from '../../fleet/wait.ts';
import type { Dispatcher } from '../actions/dispatcher.ts';
import type { EventStream } from '../event-stream.ts';
import type { Mark, Update, View } from '../protocol.ts';
import type { RoomUsers } from '../users.ts';
import { composeView } from '../view/view-model.ts';
import { changesBetween, createChangeLog, createReplicaHistory } from './changes.ts';
import type { EventLog } from './event-log.ts';
import { createFaultLog } from './faults.ts';
import { createProbes } from './probes.ts';
import { answers, type PartState, type RoomState } from './state.ts';
import { createTimeline } from './timeline.ts';

/**
 * Observes the fleet every second for all viewers together. Without viewers it looks every few seconds, so that restarts and
 * losses are counted and logged at their times whether or not a page is open.
 */
export interface Monitor {
  /** Observes from now on; a viewer who has just come sees the present at once. Safe to call while it runs. */
  start(): void;
  /** For good. */
  stop(): void;
  /** Everything as last observed. */
  snapshot(): Update;
  state(): RoomState;
  /** Observes once, unless that is done every second anyway: an action must not rely on an old state. */
  refresh(): Promise<void>;
}

export interface MonitorOptions {
  fleet: Fleet;
  users: RoomUsers;
  eventLog: EventLog;
  dispatcher: Dispatcher;
  stream: EventStream;
}

const everyMs = 1000;
const withoutViewersMs = 5000;
/** The effect of an action is observed within this time, even with Docker. */
const recentMs = 10_000;
/** What has not answered by then is shown as it last was. */
const patienceMs = 400;

export function createMonitor({ fleet, users, eventLog, dispatcher, stream }: MonitorOptions): Monitor {
  const timeline = createTimeline();
  const probes = createProbes(fleet, showChange);
  const history = createReplicaHistory();
  const logChange = createChangeLog(eventLog);
  const logFaults = createFaultLog(eventLog);
  const answering = new Map<string, boolean>();
  let before: ReplicaStatus[] | undefined;
  let primaries: string[] | undefined;
  let isRunning = false;
  let isOver = false;
  let hadViewers = false;
  let early = new AbortController();

  function state(): RoomState {
    const { description, replicas, redis } = probes;
    // A description may be older than the news that the fleet has ended.
    const isUp = !description.problem && !replicas.problem?.startsWith('no fleet');
    return {
      description: isUp ? description.value : undefined,
      replicas: (isUp && replicas.value) || [],
      redis: isUp ? redisState(redis.value, dispatcher.lastDone.get('redis')) : 'unknown',
      nginx: (isUp && probes.nginx.value) || 'unknown',
      users: users.status(),
    };
  }

  const view = (state: RoomState): View =>
    composeView({ state, probes, dispatcher, history, last: timeline.points.at(-1) });

  /** Marks what neither this room nor a plan has broken: a kill by hand, a crash, another room. */
  function markExternalFault(kind: Mark['kind'], name: string, { faults }: RoomState['users']): void {
    const since = Date.now() - recentMs;
    const isMarked = eventLog.marks.some((mark) => mark.at > since && mark.kind === kind);
    const isPlanned = faults.some(({ end }) => end === null || end > since);
    if (!isMarked && !isPlanned) eventLog.mark(kind, `${name} lost`);
  }

  function logReplicas({ replicas, users }: RoomState): void {
    for (const change of before ? changesBetween(before, replicas) : []) {
      logChange(change);
      if (change.isLost) markExternalFault('replica', change.name, users);
    }
    before = replicas;
    history.observe(replicas, probes.replicas.at);
  }

  /** Logs which of the fleet's parts have stopped or resumed answering since the last time, and Redis taking writes. */
  function logParts({ description, redis, nginx, users }: RoomState): void {
    const now = new Map<string, boolean>();
    if (description || probes.description.at > 0) now.set('The fleet', description !== undefined);
    if (description && redis !== 'unknown') now.set('Redis', answers(redis));
    if (description && answers(redis)) now.set('writes', redis === 'up');
    if (description && nginx !== 'unknown') now.set('nginx', nginx === 'up');
    if (description?.prometheus !== undefined) now.set('Prometheus', probes.metrics.problem === undefined);
    for (const [name, isUp] of now) {
      const was = answering.get(name);
      answering.set(name, isUp);
      if (was === undefined || was === isUp) continue;
      const [resumed, stopped] =
        name === 'writes'
          ? ['Redis takes writes again', 'Redis refuses writes']
          : [`${name} answers again`, `${name} does not answer`];
      eventLog.write(isUp ? 'good' : 'bad', isUp ? resumed : stopped);
      if (!isUp && (name === 'Redis' || name === 'writes')) markExternalFault('redis', 'Redis', users);
      if (!isUp && name === 'nginx') markExternalFault('nginx', name, users);
    }
  }

  /** Logs a failover of Redis. */
  function logPrimary(): void {
    const now = probes.redis.value?.primaries;
    const fresh = now?.filter((name) => primaries && !primaries.includes(name)) ?? [];
    const gone = primaries?.filter((name) => now && !now.includes(name)) ?? [];
    const place = now?.length === 1 ? 'the primary' : 'a primary';
    for (const [at, name] of fresh.entries())
      if (gone[at] !== undefined) eventLog.write('good', `${name} has replaced ${gone[at]} as ${place} of Redis`);
    primaries = now ?? primaries;
  }

  async function observe(): Promise<RoomState> {
    await probes.ask(patienceMs);
    return note();
  }

  /** Logs what has changed since the last time. */
  function note(): RoomState {
    const now = state();
    logFaults(now.users.faults);
    if (now.description && probes.replicas.value) logReplicas(now);
    logParts(now);
    logPrimary();
    return now;
  }

  function snapshot(): Update {
    return { view: view(state()), points: timeline.points, entries: eventLog.entries, marks: eventLog.marks };
  }

  async function send(isFirst: boolean): Promise<void> {
    const now = await observe();
    if (isFirst) await timeline.catchUp(now.users.seconds, now.description?.prometheus);
    const points = timeline.advance(now.users.seconds, now.description && probes.metrics.value);
    if (isOver) return;
    if (isFirst) stream.send('snapshot', snapshot());
    else sendUpdate(now, points);
  }

  function sendUpdate(now: RoomState, points: Update['points']): void {
    stream.send('update', { view: view(now), points, ...eventLog.takeChanges() });
  }

  /** A replica that has changed is shown as soon as that is known: Docker may answer later than an update waits. */
  function showChange(): void {
    if (!hadViewers || isOver || !before) return;
    try {
      if (changesBetween(before, state().replicas).length > 0) sendUpdate(note(), []);
    } catch {
      // The next update meets the same error, and logs it.
    }
  }

  /** An error is logged once and never ends the process, which others may share. */
  async function run(): Promise<void> {
    let lastError: string | undefined;
    while (!isOver) {
      const start = performance.now();
      early = new AbortController();
      const hasViewers = stream.viewers > 0;
      const error = await (hasViewers ? send(!hadViewers) : observe()).then(
        () => undefined,
        (err: Error) => err.message,
      );
      if (error !== undefined && error !== lastError)
        eventLog.write('bad', `The room cannot observe the fleet: ${error}`);
      lastError = error;
      hadViewers = hasViewers;
      const waitMs = hasViewers ? everyMs : withoutViewersMs;
      await pause(Math.max(0, waitMs - (performance.now() - start)), early.signal);
    }
  }

  dispatcher.onChange(() => {
    probes.refreshSoon();
    early.abort();
  });
  return {
    start() {
      if (!isRunning) void run();
      else if (stream.viewers === 1) early.abort();
      isRunning = true;
    },
    stop() {
      isOver = true;
      early.abort();
    },
    snapshot,
    state,
    async refresh() {
      if (stream.viewers === 0) await observe();
    },
  };
}

/** From outside, a paused Redis looks like one that is gone: the last action on it tells them apart. */
function redisState(report: RedisReport | null | undefined, lastDone: string | undefined): PartState {
  if (report === undefined) return 'unknown';
  if (report !== null) return report.refusesWrites ? 'refuses' : 'up';
  if (lastDone === 'redis-pause') return 'hangs';
  return lastDone === 'redis-kill' ? 'down' : 'silent';
}
