import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, ReplicaStatus } from '../fleet/fleet.ts';
import { changesBetween } from './changes.ts';
import { composeView } from './composed.ts';
import type { Desk } from './desk.ts';
import { createFaultWatch } from './faults.ts';
import type { Journal, Mark } from './journal.ts';
import { createProbes } from './probes.ts';
import { createRates } from './rates.ts';
import { createRestarts } from './restarts.ts';
import type { Situation } from './situation.ts';
import type { Timeline } from './timeline.ts';
import type { News, PartView, View } from './view.ts';
import type { Visitors } from './visitors.ts';
import { capital } from './words.ts';

/** Looks at the fleet every second, for all viewers together, and not at all while there are none. */
export interface Watch {
  begin(): void;
  end(): void;
  /** Something was done: look now. */
  hurry(): void;
  /** All there is to see, of the last look. */
  whole(): News;
  /** What can be done follows from it. */
  situation(): Situation;
  /** Looks once, whoever looks else: whoever acts must not do so on what was there an hour ago. */
  lookOnce(): Promise<void>;
}

export interface WatchOptions {
  fleet: Fleet;
  visitors: Visitors;
  journal: Journal;
  timeline: Timeline;
  desk(): Desk;
  tell(event: 'whole' | 'news', news: News): void;
}

const everyMs = 1000;
/** By then what was done is seen. Docker takes its time. */
const recentMs = 10_000;
/** What has not answered by then is shown as it last was. */
const patienceMs = 400;

export function createWatch({ fleet, visitors, journal, timeline, desk, tell }: WatchOptions): Watch {
  const probes = createProbes(fleet);
  const rates = createRates();
  const restarts = createRestarts();
  const seeFaults = createFaultWatch(journal);
  let before: ReplicaStatus[] | undefined;
  let conditions = new Map<string, boolean>();
  let over: AbortController | undefined;
  let early = new AbortController();

  function situation(): Situation {
    const { description, replicas, redis } = probes;
    // Its description is older than the news that it has gone.
    const isThere = !description.problem && !replicas.problem?.startsWith('no fleet');
    const nginx = probes.nginx.value ?? 'unknown';
    return {
      fleet,
      description: isThere ? description.value : undefined,
      replicas: (isThere && replicas.value) || [],
      redis: isThere ? redisState(redis.value, desk().lastDone.get('redis')) : 'unknown',
      nginx: isThere ? nginx : 'unknown',
      sight: visitors.look(),
    };
  }

  const view = (now: Situation): View =>
    composeView({ situation: now, probes, desk: desk(), rates, restarts, last: timeline.points.at(-1) });

  /** What neither this room nor a plan has broken is on the timeline too: a kill by hand, a crash, another room. */
  function markOutside(kind: Mark['kind'], name: string, { faults }: Situation['sight']): void {
    const since = Date.now() - recentMs;
    const isMarked = journal.marks.some((mark) => mark.at > since && mark.kind === kind);
    const isPlanned = faults.some(({ end }) => end === null || end > since);
    if (!isMarked && !isPlanned) journal.mark(kind, `${name} lost`);
  }

  /** Writes down what has changed since the last look. */
  function note({ description, replicas, redis, nginx, sight }: Situation): void {
    seeFaults(sight.faults);
    const shown = probes.replicas.value;
    if (description && shown) {
      for (const { tone, text, lost } of before ? changesBetween(before, replicas) : []) {
        journal.write(tone, text);
        if (lost !== undefined) markOutside('replica', lost, sight);
      }
      before = replicas;
      rates.see(shown, probes.replicas.at);
      restarts.see(shown);
    }
    const holds = new Map<string, boolean>();
    if (description || probes.description.at > 0) holds.set('the fleet', description !== undefined);
    if (description && redis !== 'unknown') holds.set('Redis', redis === 'up');
    if (description && nginx !== 'unknown') holds.set('nginx', nginx === 'up');
    if (description?.prometheus !== undefined) holds.set('Prometheus', probes.figures.problem === undefined);
    for (const [name, isUp] of holds) {
      const was = conditions.get(name);
      if (was === undefined || was === isUp) continue;
      journal.write(isUp ? 'good' : 'bad', capital(isUp ? `${name} answers again` : `${name} does not answer`));
      if (!isUp && (name === 'Redis' || name === 'nginx'))
        markOutside(name === 'Redis' ? 'redis' : 'nginx', name, sight);
    }
    conditions = new Map([...conditions, ...holds]);
  }

  async function look(): Promise<Situation> {
    await probes.ask(patienceMs);
    const now = situation();
    note(now);
    return now;
  }

  function whole(): News {
    return { view: view(situation()), points: timeline.points, entries: journal.entries, marks: journal.marks };
  }

  async function first(signal: AbortSignal): Promise<void> {
    const { sight, description } = await look();
    await timeline.catchUp(sight.seconds, description?.prometheus);
    if (!signal.aborted) tell('whole', whole());
  }

  async function again(signal: AbortSignal): Promise<void> {
    const now = await look();
    const points = timeline.goOn(now.sight.seconds, now.description && probes.figures.value);
    if (!signal.aborted) tell('news', { view: view(now), points, ...journal.news() });
  }

  /** Whatever goes wrong here is told, and must end nobody else's process. */
  async function run(signal: AbortSignal): Promise<void> {
    let work = first;
    let trouble: string | undefined;
    while (!signal.aborted) {
      const start = performance.now();
      const now = await work(signal).then(
        () => undefined,
        (err: Error) => err.message,
      );
      if (now !== undefined && now !== trouble) journal.write('bad', `The room could not look: ${now}`);
      [trouble, work] = [now, again];
      const restMs = Math.max(0, everyMs - (performance.now() - start));
      await sleep(restMs, undefined, { signal: early.signal }).catch(() => {});
      if (!signal.aborted) early = new AbortController();
    }
  }

  return {
    begin() {
      if (over) return;
      over = new AbortController();
      early = new AbortController();
      void run(over.signal);
    },
    end() {
      over?.abort();
      over = undefined;
      early.abort();
    },
    hurry() {
      probes.hurry();
      early.abort();
    },
    whole,
    situation,
    lookOnce: async () => void (over ? undefined : await look()),
  };
}

/** Whether Redis hangs or is gone does not show from without: what was done to it last says so. */
function redisState(ms: number | null | undefined, lastDone: string | undefined): PartView['state'] {
  if (ms === undefined) return 'unknown';
  if (ms !== null) return 'up';
  if (lastDone === 'redis-pause') return 'hangs';
  return lastDone === 'redis-kill' ? 'down' : 'silent';
}
