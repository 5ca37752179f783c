import { capitalize, formatNumber, joinWords, plural } from '../../../web/format.ts';
import type { ReplicaStatus } from '../../fleet/fleet.ts';
import type { PartState } from '../monitor/state.ts';
import type { Dispatcher } from '../actions/dispatcher.ts';
import type { View } from '../protocol.ts';
import type { Totals } from '../users.ts';

export interface Facts {
  replicas: ReplicaStatus[];
  redis: PartState;
  nginx: PartState;
  users: Pick<View['users'], 'state' | 'totals' | 'failedPerSecond' | 'unseenSeconds'>;
  store: string;
  switching?: Dispatcher['switching'];
}

/** The sentence at the top of the page: what is broken, and what that means for the sessions. */
export function headlineOf({ replicas, redis, nginx, users, store, switching }: Facts): View['headline'] {
  if (switching) {
    const isDone = ({ state, since }: ReplicaStatus) => state === 'ready' && Date.parse(since ?? '') >= switching.since;
    const progress = `${switching.text}: ${replicas.filter(isDone).length} of ${plural(replicas.length, 'replica')} done`;
    const others = brokenParts([], redis, nginx, store);
    return { tone: others.length > 0 ? 'unknown' : 'plain', text: `${[progress, ...others].join('; ')}.` };
  }
  const broken = brokenParts(replicas, redis, nginx, store);
  const isBroken = broken.length > 0;
  const state = isBroken ? joinWords(broken) : `All ${plural(replicas.length, 'replica')} are ready`;
  const { totals, failedPerSecond, unseenSeconds } = users;
  if (users.state !== 'busy' || !totals) {
    const next = users.state === 'away' ? 'Start the users to see their sessions survive' : 'The users are logging in';
    return { tone: isBroken ? 'unknown' : 'plain', text: `${state}. ${next}.` };
  }
  if (totals.store !== null && totals.store !== store) {
    const text = `The store was switched while users of the ${totals.store} store were there: their losses say nothing about ${store}`;
    return { tone: 'unknown', text: `${state}. ${text}.` };
  }
  const losses = describeLosses(totals);
  if (losses) return { tone: 'bad', text: `${state}. ${capitalize(losses)}: the "${store}" store loses data.` };
  const sessions = describeSessions(totals, unseenSeconds);
  if (failedPerSecond) {
    const failing = `${plural(failedPerSecond, 'request')} failed in the last second`;
    const trouble = isBroken ? joinWords([...broken, failing]) : `${state}, but ${failing}`;
    return { tone: 'unknown', text: `${trouble}; ${sessions}.` };
  }
  if (totals.intact < totals.users || unseenSeconds !== null)
    return { tone: 'unknown', text: `${state}, ${isBroken ? 'and' : 'but'} ${sessions}.` };
  return { tone: 'good', text: `${state}, ${isBroken ? 'yet' : 'and'} ${sessions}.` };
}

/** `replica-2 is down`, `Redis hangs`, … */
function brokenParts(replicas: ReplicaStatus[], redis: PartState, nginx: PartState, store: string): string[] {
  const inState = (state: ReplicaStatus['state']) => {
    const found = replicas.filter((replica) => replica.state === state);
    if (found.length === 0) return [];
    const names = found.length > 3 ? plural(found.length, 'replica') : joinWords(found.map(({ label }) => label));
    return [`${names} ${found.length === 1 ? 'is' : 'are'} ${state}`];
  };
  return [
    ...(['down', 'paused', 'draining', 'starting'] as const).flatMap(inState),
    ...(store !== 'memory' && redis in redisTexts ? [redisTexts[redis as keyof typeof redisTexts]] : []),
    ...(nginx === 'down' || nginx === 'silent' ? ['nginx does not answer'] : []),
  ];
}

const redisTexts = {
  refuses: 'Redis refuses writes',
  hangs: 'Redis hangs',
  down: 'Redis is down',
  silent: 'Redis does not answer',
};

function describeLosses({ lost, writesLost }: Totals): string | undefined {
  const losses = [
    ...(lost > 0 ? [`${plural(lost, 'session was', 'sessions were')} lost`] : []),
    ...(writesLost > 0 ? [`${plural(writesLost, 'acknowledged write is', 'acknowledged writes are')} missing`] : []),
  ];
  return losses.length > 0 ? joinWords(losses) : undefined;
}

/** Without a successful request their present state is unknown: they are described as last seen. */
function describeSessions({ intact, users }: Totals, unseenSeconds: number | null): string {
  const sessions = `${intact === users ? 'all' : `${formatNumber(intact)} of`} ${formatNumber(users)} sessions`;
  return unseenSeconds === null ? `${sessions} are intact` : `${sessions} were intact ${unseenSeconds} s ago`;
}
