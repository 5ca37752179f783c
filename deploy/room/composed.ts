import type { ReplicaStatus } from '../fleet/fleet.ts';
import type { Desk } from './desk.ts';
import type { ReplicaFigures } from './figures.ts';
import type { Probes } from './probes.ts';
import type { createRates } from './rates.ts';
import type { createRestarts } from './restarts.ts';
import { sentenceOf } from './sentence.ts';
import type { Situation } from './situation.ts';
import type { Button, PartView, Point, ReplicaView, View } from './view.ts';
import { capital, plural } from './words.ts';

export interface Known {
  situation: Situation;
  probes: Probes;
  desk: Desk;
  rates: ReturnType<typeof createRates>;
  restarts: ReturnType<typeof createRestarts>;
  /** The last second of the timeline. */
  last: Point | undefined;
}

/** What there is to see, of all that is known. */
export function composeView(known: Known): View {
  const { situation, probes } = known;
  const { description, replicas } = situation;
  const visitors = visitorsOf(known);
  const views = replicas.map((replica) => replicaOf(replica, known));
  const rates = views.map(({ perSecond }) => perSecond).filter((rate) => rate !== null);
  const { redis, nginx } = situation;
  const { store = '', driver = '', http = '', prometheus = null } = description ?? {};
  return {
    at: Date.now(),
    fleet: description ? { driver, store, http, prometheus } : null,
    notices: noticesOf(known),
    sentence: description
      ? sentenceOf({ replicas, redis, nginx, visitors, store })
      : {
          tone: 'unknown',
          text: `${capital(probes.description.problem ?? probes.replicas.problem ?? 'no fleet is up')}.`,
        },
    visitors,
    nginx: {
      state: nginx,
      words: { up: 'answers', down: 'is down', silent: 'does not answer', hangs: 'hangs', unknown: '' }[nginx],
      perSecond: rates.length > 0 ? rates.reduce((sum, rate) => sum + rate, 0) : null,
      buttons: buttons(known, ['nginx-reload', nginx === 'up' || nginx === 'unknown' ? 'nginx-kill' : 'nginx-start']),
    },
    replicas: views,
    all: buttons(known, ['add', 'remove', 'roll']),
    redis: redisOf(known),
    stores: storesOf(known),
  };
}

function buttons({ desk, situation }: Known, names: string[], replica?: number): Button[] {
  return names.map((name) => desk.button(name, situation, replica));
}

function replicaOf(status: ReplicaStatus, known: Known): ReplicaView {
  const { number, name, runsAs, state, since } = status;
  const figures: Partial<ReplicaFigures> = known.probes.figures.value?.replicas.get(name) ?? {};
  const isServing = state === 'ready' || state === 'draining';
  const perSecond = figures.perSecond ?? known.rates.of(name);
  const restarts = [figures.restarts, known.restarts.of(name)].filter((count) => count != null);
  const measured = (value: number | null | undefined) => (isServing ? (value ?? null) : null);
  const names = ['kill', 'stop', state === 'paused' ? 'resume' : 'pause', state === 'down' ? 'start' : 'restart'];
  return {
    number,
    name,
    runsAs,
    state,
    since: since === null ? null : Date.parse(since),
    perSecond: measured(perSecond),
    p50: measured(figures.p50),
    p99: measured(figures.p99),
    inFlight: measured(figures.inFlight),
    restarts: restarts.length > 0 ? Math.max(...restarts) : null,
    store: isServing ? (figures.store ?? null) : null,
    version: isServing ? (figures.version ?? null) : null,
    buttons: buttons(known, names, number),
  };
}

function visitorsOf({ situation, desk, last }: Known): View['visitors'] {
  const { state, users, totals } = situation.sight;
  const seen = last?.by === 'users' ? last : undefined;
  return {
    state,
    users,
    totals,
    perSecond: seen?.requests ?? null,
    failedPerSecond: seen?.failed ?? null,
    p50: seen?.p50 ?? null,
    p99: seen?.p99 ?? null,
    button: desk.button(state === 'away' || state === 'arriving' ? 'users-start' : 'users-stop', situation),
  };
}

function redisOf(known: Known): PartView {
  const { redis } = known.situation;
  const connected = known.probes.figures.value?.connected;
  const isAsked = known.situation.description?.store !== 'memory';
  const isAway = redis !== 'up' && redis !== 'unknown';
  const second = redis === 'hangs' || redis === 'silent' ? 'redis-resume' : 'redis-pause';
  return {
    state: redis,
    words: {
      up: isAsked && connected != null ? `answers; ${plural(connected, 'replica')} connected` : 'answers',
      hangs: 'hangs: it accepts and says nothing',
      down: 'is down',
      silent: 'does not answer',
      unknown: '',
    }[redis],
    buttons: buttons(known, ['redis-restart', second, isAway && redis !== 'hangs' ? 'redis-start' : 'redis-kill']),
  };
}

const stores = {
  durable: 'ours: nothing acknowledged is lost',
  plain: 'connect-redis as its README shows it',
  memory: 'each replica for itself, as by default',
};

function storesOf({ situation, desk }: Known): View['stores'] {
  return Object.entries(stores).map(([name, about]) => {
    const isChosen = situation.description?.store === name;
    return { name, about, isChosen, button: desk.button(`store-${name}`, situation) };
  });
}

function noticesOf({ situation, probes }: Known): View['notices'] {
  const { description, sight } = situation;
  if (!description) return [{ tone: 'unknown', text: 'This page goes on by itself once a fleet is up.' }];
  return [
    ...(probes.replicas.problem ? [`The replicas are out of sight: ${probes.replicas.problem}.`] : []),
    ...(description.prometheus === undefined
      ? ['This fleet runs without Prometheus: nobody measures latency and requests under way.']
      : probes.figures.problem
        ? [`Prometheus does not answer (${probes.figures.problem}): latency and requests under way are unknown.`]
        : []),
    ...(sight.reserved && sight.state !== 'away' ? [capital(`${sight.reserved}.`)] : []),
  ].map((text) => ({ tone: 'unknown', text }));
}
