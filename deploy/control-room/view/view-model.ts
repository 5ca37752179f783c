import { capitalize, plural } from '../../../web/format.ts';
import type { ReplicaStatus } from '../../fleet/fleet.ts';
import type { Dispatcher } from '../actions/dispatcher.ts';
import type { createReplicaHistory } from '../monitor/changes.ts';
import { notAsked } from '../monitor/probe.ts';
import type { Probes } from '../monitor/probes.ts';
import { noMetrics } from '../monitor/replica-metrics.ts';
import { answers, type RoomState } from '../monitor/state.ts';
import type { Button, PartView, Point, ReplicaView, View } from '../protocol.ts';
import { headlineOf } from './headline.ts';

export interface ViewFacts {
  state: RoomState;
  probes: Probes;
  dispatcher: Dispatcher;
  history: ReturnType<typeof createReplicaHistory>;
  /** The last second of the timeline. */
  last: Point | undefined;
}

/** Everything that the page shows, from everything that is known. */
export function composeView(facts: ViewFacts): View {
  const { description, replicas, redis, nginx } = facts.state;
  const { switching } = facts.dispatcher;
  const users = usersView(facts);
  const replicaViews = replicas.map((replica) => replicaView(replica, facts));
  const rates = replicaViews.map(({ perSecond }) => perSecond).filter((rate) => rate !== null);
  const { store = '', driver = '', http = '', prometheus = null } = description ?? {};
  return {
    at: Date.now(),
    fleet: description ? { driver, store, http, prometheus } : null,
    notices: noticesOf(facts),
    headline: unseenHeadline(facts) ?? headlineOf({ replicas, redis, nginx, users, store, switching }),
    users,
    nginx: {
      state: nginx,
      answers: answers(nginx),
      text: {
        up: 'answers',
        refuses: 'answers',
        down: 'is down',
        silent: 'does not answer',
        hangs: 'hangs',
        unknown: '',
      }[nginx],
      perSecond: rates.length > 0 ? rates.reduce((sum, rate) => sum + rate, 0) : null,
      buttons: buttons(facts, ['nginx-reload', nginx === 'up' || nginx === 'unknown' ? 'nginx-kill' : 'nginx-start']),
    },
    replicas: replicaViews,
    all: buttons(facts, ['add', 'remove', 'roll']),
    redis: redisView(facts),
    stores: storeViews(facts),
  };
}

/** As long as the replicas are not seen. */
function unseenHeadline({ state, probes }: ViewFacts): View['headline'] | undefined {
  const problem = probes.description.problem ?? probes.replicas.problem;
  if (problem === notAsked) return { tone: 'plain', text: 'Looking at the fleet …' };
  if (!state.description) return { tone: 'unknown', text: `${capitalize(problem ?? 'no fleet is up')}.` };
  return problem === undefined ? undefined : { tone: 'unknown', text: `The replicas cannot be observed: ${problem}.` };
}

function buttons({ dispatcher, state }: ViewFacts, names: string[], replica?: number): Button[] {
  return names.map((name) => dispatcher.button(name, state, replica));
}

function replicaView(status: ReplicaStatus, facts: ViewFacts): ReplicaView {
  const { number, name, label, runsAs, state, since } = status;
  const measured = facts.probes.metrics.value?.replicas.get(name) ?? noMetrics;
  const seen = facts.history.of(name);
  const isServing = state === 'ready' || state === 'draining';
  const actions = [state === 'down' ? 'start' : 'restart', state === 'paused' ? 'resume' : 'pause', 'stop', 'kill'];
  return {
    ...{ number, name, label, runsAs, state },
    since: since === null ? null : Date.parse(since),
    ...(isServing ? { ...measured, perSecond: measured.perSecond ?? seen?.perSecond ?? null } : noMetrics),
    restarts: Math.max(measured.restarts ?? 0, seen?.restarts ?? 0),
    buttons: buttons(facts, actions, number),
  };
}

function usersView({ state, dispatcher, last }: ViewFacts): View['users'] {
  const { state: activity, users, totals } = state.users;
  const measured = last?.by === 'users' ? last : undefined;
  const action = activity === 'away' || activity === 'arriving' ? 'users-start' : 'users-stop';
  return {
    state: activity,
    users,
    totals,
    unseenSeconds: unseenSecondsOf(state.users),
    perSecond: measured?.requests ?? null,
    failedPerSecond: measured?.failed ?? null,
    p50: measured?.p50 ?? null,
    p99: measured?.p99 ?? null,
    button: dispatcher.button(action, state),
  };
}

/** Seconds since the last success of busy users; null if it was a moment ago. */
function unseenSecondsOf({ state, totals, seconds }: RoomState['users']): number | null {
  if (state !== 'busy' || !totals) return null;
  const last = seconds.findLast(({ p50 }) => p50 !== null)?.at ?? totals.since / 1000;
  const unseen = Math.floor(Date.now() / 1000 - last);
  return unseen > 2 ? unseen : null;
}

function redisView(known: ViewFacts): PartView {
  const { redis, description } = known.state;
  const metrics = known.probes.metrics.value;
  // Prometheus also remembers replicas of an earlier fleet.
  const connected =
    metrics &&
    known.state.replicas.filter(({ name, state }) => {
      return state === 'ready' && metrics.replicas.get(name)?.connected === 1;
    }).length;
  // A master is the usual case.
  const reported = (known.probes.redis.value?.facts ?? []).filter((fact) => fact !== 'master');
  const isUsed = description?.store !== 'memory';
  const isSilent = redis === 'hangs' || redis === 'silent';
  const isGone = redis === 'down' || redis === 'silent';
  const actions = ['redis-restart', isSilent ? 'redis-resume' : 'redis-pause', isGone ? 'redis-start' : 'redis-kill'];
  const facts = [
    'answers',
    ...(isUsed && connected != null ? [`${plural(connected, 'replica')} connected`] : []),
    ...reported,
  ].join('; ');
  return {
    state: redis,
    answers: answers(redis),
    text: {
      up: facts,
      refuses: facts,
      hangs: 'not responding: it accepts connections and does not answer',
      down: 'is down',
      silent: 'does not answer',
      unknown: '',
    }[redis],
    buttons: buttons(known, actions),
  };
}

const stores = {
  durable: "unsticky's store: no acknowledged write is lost",
  plain: 'connect-redis, as in its README',
  memory: 'the default MemoryStore: each replica on its own',
};

function storeViews({ state, dispatcher }: ViewFacts): View['stores'] {
  return Object.entries(stores).map(([name, about]) => {
    const isChosen = state.description?.store === name;
    return { name, about, isChosen, button: dispatcher.button(`store-${name}`, state) };
  });
}

function noticesOf({ state, probes }: ViewFacts): View['notices'] {
  const { description, users } = state;
  if (probes.description.problem === notAsked) return [];
  if (!description) return [{ tone: 'unknown', text: 'This page continues by itself once a fleet is up.' }];
  return [
    ...(description.prometheus === undefined
      ? ['This fleet runs without Prometheus: latency and requests in flight are unknown.']
      : probes.metrics.problem && probes.metrics.problem !== notAsked
        ? [`Prometheus does not answer (${probes.metrics.problem}): latency and requests in flight are unknown.`]
        : []),
    ...(users.reserved && users.state !== 'away' ? [capitalize(`${users.reserved}.`)] : []),
  ].map((text) => ({ tone: 'unknown', text }));
}
