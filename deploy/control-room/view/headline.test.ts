import { expect, test } from 'vitest';
import { replicaStatus as replica } from '../../../test/replica-status.ts';
import { type Facts, headlineOf } from './headline.ts';

const totals = {
  since: 0,
  store: null,
  users: 200,
  requests: 9,
  failed: 0,
  excused: 0,
  intact: 200,
  lost: 0,
  writes: 5,
  writesLost: 0,
};
const calm: Facts = {
  replicas: [replica(1), replica(2), replica(3)],
  redis: 'up',
  nginx: 'up',
  users: { state: 'busy', totals, failedPerSecond: 0, unseenSeconds: null },
  store: 'durable',
};
const visiting = (more: object, failedPerSecond = 0, unseenSeconds: number | null = null) => {
  return { users: { state: 'busy', totals: { ...totals, ...more }, failedPerSecond, unseenSeconds } } as const;
};
const later = '2026-01-01T12:00:00Z';
const down = { replicas: [replica(1), replica(2, 'down'), replica(3)] };

test.each<[string, Partial<Facts>, string, string]>([
  ['all is well', {}, 'good', 'All 3 replicas are ready, and all 200 sessions are intact.'],
  ['a replica is down', down, 'good', 'replica-2 is down, yet all 200 sessions are intact.'],
  [
    'many are down',
    { replicas: [1, 2, 3, 4].map((number) => replica(number, 'down')) },
    'good',
    '4 replicas are down, yet all 200 sessions are intact.',
  ],
  [
    'Redis hangs, and requests fail',
    { redis: 'hangs', ...visiting({}, 1234) },
    'unknown',
    'Redis hangs and 1,234 requests failed in the last second; all 200 sessions are intact.',
  ],
  [
    'Redis refuses writes, and requests fail',
    { redis: 'refuses', ...visiting({}, 12) },
    'unknown',
    'Redis refuses writes and 12 requests failed in the last second; all 200 sessions are intact.',
  ],
  [
    'Redis hangs, and the store does not use it',
    { redis: 'hangs', store: 'memory' },
    'good',
    'All 3 replicas are ready, and all 200 sessions are intact.',
  ],
  [
    'requests fail, and nothing is known to be broken',
    visiting({}, 1),
    'unknown',
    'All 3 replicas are ready, but 1 request failed in the last second; all 200 sessions are intact.',
  ],
  [
    'sessions were lost',
    { store: 'memory', ...visiting({ lost: 1, writesLost: 2, intact: 3 }) },
    'bad',
    'All 3 replicas are ready. 1 session was lost and 2 acknowledged writes are missing: the "memory" store loses data.',
  ],
  [
    'some could not log in',
    { redis: 'down', ...visiting({ intact: 3 }) },
    'unknown',
    'Redis is down, and 3 of 200 sessions are intact.',
  ],
  [
    'no request succeeds, so the sessions cannot be known',
    { redis: 'hangs', ...visiting({}, 40, 7) },
    'unknown',
    'Redis hangs and 40 requests failed in the last second; all 200 sessions were intact 7 s ago.',
  ],
  [
    'no request is answered, so the sessions cannot be known',
    { nginx: 'down', ...visiting({}, 0, 5) },
    'unknown',
    'nginx does not answer, and all 200 sessions were intact 5 s ago.',
  ],
  [
    'the store was switched under the users',
    { store: 'memory', ...visiting({ store: 'durable', lost: 100, intact: 100 }) },
    'unknown',
    'All 3 replicas are ready. The store was switched while users of the durable store were there: their losses say nothing about memory.',
  ],
  [
    'the replicas get another store: those count that have started since',
    {
      replicas: [replica(1, 'ready', later), replica(2, 'draining'), replica(3, 'starting', later)],
      switching: { text: 'Switching to the plain store', since: Date.parse(later) },
    },
    'plain',
    'Switching to the plain store: 1 of 3 replicas done.',
  ],
  [
    'the replicas get another store, and Redis is down',
    { redis: 'down', switching: { text: 'Switching to the plain store', since: Date.parse(later) } },
    'unknown',
    'Switching to the plain store: 0 of 3 replicas done; Redis is down.',
  ],
  [
    'no users',
    { users: { state: 'away', totals: null, failedPerSecond: null, unseenSeconds: null } },
    'plain',
    'All 3 replicas are ready. Start the users to see their sessions survive.',
  ],
  [
    'no users, and something is broken',
    { users: { state: 'away', totals, failedPerSecond: null, unseenSeconds: null }, nginx: 'down' },
    'unknown',
    'nginx does not answer. Start the users to see their sessions survive.',
  ],
])('%s', (_, facts, tone, text) => {
  expect(headlineOf({ ...calm, ...facts })).toEqual({ tone, text });
});
