import { joinWords } from '../../../web/format.ts';
import type { ReplicaStatus } from '../../fleet/fleet.ts';
import type { Entry, Tone } from '../protocol.ts';
import type { EventLog } from './event-log.ts';

export interface Change {
  name: string;
  tone: Tone;
  text: readonly [one: string, many: string];
  /** The replica stopped serving. */
  isLost?: true;
}

const changes = {
  removed: { tone: 'plain', text: ['was removed', 'were removed'] },
  added: { tone: 'plain', text: ['was added', 'were added'] },
  restarted: { tone: 'good', text: ['was restarted and is ready', 'were restarted and are ready'] },
  ready: { tone: 'good', text: ['is ready', 'are ready'] },
  down: { tone: 'bad', text: ['is down', 'are down'], isLost: true },
  paused: { tone: 'unknown', text: ['is paused and does not answer', 'are paused and do not answer'], isLost: true },
} as const;

/** What changed between two observations of the replicas. */
export function changesBetween(before: ReplicaStatus[], now: ReplicaStatus[]): Change[] {
  const known = new Map(before.map((replica) => [replica.name, replica]));
  const names = new Set(now.map(({ name }) => name));
  const removed = before.filter(({ name }) => !names.has(name));
  return [
    ...removed.map(({ label }) => ({ name: label, ...changes.removed })),
    ...now.flatMap((replica) => {
      const change = changeOf(known.get(replica.name), replica);
      return change ? [{ name: replica.label, ...changes[change] }] : [];
    }),
  ];
}

function changeOf(
  before: ReplicaStatus | undefined,
  { state, since }: ReplicaStatus,
): keyof typeof changes | undefined {
  if (!before) return 'added';
  if (before.state === state) return state === 'ready' && before.since !== since ? 'restarted' : undefined;
  return state === 'starting' || state === 'draining' ? undefined : state;
}

/** Logs changes of replicas. Consecutive equal ones share an entry, so that a roll of the fleet is one line. */
export function createChangeLog(eventLog: EventLog) {
  let last: { text: Change['text']; names: string[]; rewrite: ReturnType<EventLog['write']>; entry: Entry } | undefined;
  return function logChange({ name, tone, text }: Change): void {
    const newest = eventLog.entries.at(-1);
    if (!last || last.text !== text || last.entry !== newest || last.names.includes(name)) {
      const rewrite = eventLog.write(tone, '');
      last = { text, names: [], rewrite, entry: eventLog.entries.at(-1) as Entry };
    }
    last.names.push(name);
    last.rewrite(tone, `${joinWords(last.names)} ${text[last.names.length === 1 ? 0 : 1]}`);
  };
}

interface Observed {
  /** When it started; undefined before it was seen to run. */
  start: string | undefined;
  served: number | null;
  perSecond: number | null;
  restarts: number;
}

/** A rate over a longer time says nothing about the present. */
const maxRateSeconds = 5;

/**
 * Follows the replicas from one observation to the next. Counts requests per second, for a fleet without Prometheus, and
 * restarts, which Prometheus may have started too late to know.
 */
export function createReplicaHistory() {
  let known = new Map<string, Observed>();
  let knownAt = 0;

  function next({ name, state, since, requestsServed: served }: ReplicaStatus, seconds: number): Observed {
    const last = known.get(name);
    // `since` of one that is down is its end, of a paused one its pause.
    const start = state === 'down' || state === 'paused' || since === null ? last?.start : since;
    const isRestarted = last?.start !== undefined && last.start !== start;
    const before = isRestarted || seconds > maxRateSeconds ? null : (last?.served ?? null);
    const perSecond = before === null || served === null ? null : Math.max(0, (served - before) / seconds);
    return { start, served, perSecond, restarts: (last?.restarts ?? 0) + (isRestarted ? 1 : 0) };
  }

  return {
    /** @param at when they were observed, in milliseconds of performance.now() */
    observe(replicas: ReplicaStatus[], at: number): void {
      if (at === knownAt) return;
      const seconds = (at - knownAt) / 1000;
      known = new Map(replicas.map((replica) => [replica.name, next(replica, seconds)]));
      knownAt = at;
    },
    of: (name: string): Observed | undefined => known.get(name),
  };
}
