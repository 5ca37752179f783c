import type { ReplicaStatus } from '../fleet/fleet.ts';
import type { PartView, View } from './view.ts';
import type { Totals } from './visitors.ts';
import { capital, count, list, plural } from './words.ts';

export interface Facts {
  replicas: ReplicaStatus[];
  redis: PartView['state'];
  nginx: PartView['state'];
  visitors: Pick<View['visitors'], 'state' | 'totals' | 'failedPerSecond'>;
  store: string;
}

/** What is to be seen, in one or two sentences: what is broken, and what became of the sessions. */
export function sentenceOf({ replicas, redis, nginx, visitors, store }: Facts): View['sentence'] {
  const broken = brokenOf(replicas, redis, nginx, store);
  const state = broken.length > 0 ? list(broken) : `all ${plural(replicas.length, 'replica')} are ready`;
  const { totals, failedPerSecond } = visitors;
  if (visitors.state !== 'busy' || !totals) {
    const waiting =
      visitors.state === 'away' ? 'Start the users to see their sessions survive' : 'Users are on their way';
    return { tone: broken.length > 0 ? 'unknown' : 'plain', text: `${began(state)}. ${waiting}.` };
  }
  const harm = harmOf(totals);
  if (totals.store !== null && totals.store !== store) {
    const text = `the store was switched under users who came with ${totals.store}: what they lost says nothing of ${store}`;
    return { tone: 'unknown', text: `${began(state)}. ${capital(text)}.` };
  }
  if (harm) return { tone: 'bad', text: `${began(state)}. ${capital(harm)}: the store ${store} does not hold.` };
  const whole = wholeWords(totals);
  if (!failedPerSecond && totals.whole < totals.users)
    return { tone: 'unknown', text: `${began(state)}, ${broken.length > 0 ? 'and' : 'but'} ${whole}.` };
  if (!failedPerSecond)
    return { tone: 'good', text: `${began(state)}, ${broken.length > 0 ? 'yet' : 'and'} ${whole}.` };
  const failing = `${plural(failedPerSecond, 'request')} failed in the last second`;
  const trouble = broken.length > 0 ? list([...broken, failing]) : `${began(state)}, but ${failing}`;
  return { tone: 'unknown', text: `${trouble}; ${whole}.` };
}

function brokenOf(
  replicas: ReplicaStatus[],
  redis: PartView['state'],
  nginx: PartView['state'],
  store: string,
): string[] {
  const inState = (state: ReplicaStatus['state']) => replicas.filter((replica) => replica.state === state);
  const words = (state: ReplicaStatus['state'], is: string, are: string) => {
    const found = inState(state);
    if (found.length === 0) return [];
    const names = found.length > 3 ? plural(found.length, 'replica') : list(found.map(({ name }) => name));
    return [`${names} ${found.length === 1 ? is : are}`];
  };
  return [
    ...words('down', 'is down', 'are down'),
    ...words('paused', 'is paused', 'are paused'),
    ...words('draining', 'is draining', 'are draining'),
    ...words('starting', 'is starting', 'are starting'),
    ...(store !== 'memory' && redis in redisWords ? [redisWords[redis as keyof typeof redisWords]] : []),
    ...(nginx === 'down' || nginx === 'silent' ? ['nginx does not answer'] : []),
  ];
}

const redisWords = { hangs: 'Redis hangs', down: 'Redis is down', silent: 'Redis does not answer' };

function harmOf({ lost, writesLost }: Totals): string | undefined {
  const harms = [
    ...(lost > 0 ? [`${plural(lost, 'session was', 'sessions were')} lost`] : []),
    ...(writesLost > 0 ? [`${plural(writesLost, 'acknowledged write is', 'acknowledged writes are')} missing`] : []),
  ];
  return harms.length > 0 ? list(harms) : undefined;
}

function wholeWords({ whole, users }: Totals): string {
  return whole === users
    ? `all ${count(users)} sessions are whole`
    : `${count(whole)} of ${count(users)} sessions are whole`;
}

/** A replica's name stays as it is. */
function began(text: string): string {
  return /^all /.test(text) ? capital(text) : text;
}
