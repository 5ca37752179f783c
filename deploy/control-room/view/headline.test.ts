import { expect, test } from 'vitest';
import type { ReplicaStatus } from '../fleet/fleet.ts';
import { type Facts, sentenceOf } from './sentence.ts';

const replica = (number: number, state: ReplicaStatus['state'] = 'ready'): ReplicaStatus => {
  return { number, name: `replica-${number}`, runsAs: 'pid 1', state, since: null, requestsServed: null };
};
const totals = {
  since: 0,
  store: null,
  users: 200,
  requests: 9,
  failed: 0,
  whole: 200,
  lost: 0,
  writes: 5,
  writesLost: 0,
};
const calm: Facts = {
  replicas: [replica(1), replica(2), replica(3)],
  redis: 'up',
  nginx: 'up',
  visitors: { state: 'busy', totals, failedPerSecond: 0 },
  store: 'durable',
};
const visiting = (more: object, failedPerSecond = 0) => {
  return { visitors: { state: 'busy', totals: { ...totals, ...more }, failedPerSecond } } as const;
};
const down = { replicas: [replica(1), replica(2, 'down'), replica(3)] };

test.each<[string, Partial<Facts>, string, string]>([
  ['all is well', {}, 'good', 'All 3 replicas are ready, and all 200 sessions are whole.'],
  ['a replica is down', down, 'good', 'replica-2 is down, yet all 200 sessions are whole.'],
  [
    'many are down',
    { replicas: [1, 2, 3, 4].map((number) => replica(number, 'down')) },
    'good',
    '4 replicas are down, yet all 200 sessions are whole.',
  ],
  [
    'Redis hangs, and requests fail',
    { redis: 'hangs', ...visiting({}, 1234) },
    'unknown',
    'Redis hangs and 1,234 requests failed in the last second; all 200 sessions are whole.',
  ],
  [
    'Redis hangs, and nobody needs it',
    { redis: 'hangs', store: 'memory' },
    'good',
    'All 3 replicas are ready, and all 200 sessions are whole.',
  ],
  [
    'requests fail, and nothing is seen to be broken',
    visiting({}, 1),
    'unknown',
    'All 3 replicas are ready, but 1 request failed in the last second; all 200 sessions are whole.',
  ],
  [
    'sessions were lost',
    { store: 'memory', ...visiting({ lost: 1, writesLost: 2, whole: 3 }) },
    'bad',
    'All 3 replicas are ready. 1 session was lost and 2 acknowledged writes are missing: the store memory does not hold.',
  ],
  [
    'some could not log in',
    { redis: 'down', ...visiting({ whole: 3 }) },
    'unknown',
    'Redis is down, and 3 of 200 sessions are whole.',
  ],
  [
    'the store was switched under the users',
    { store: 'memory', ...visiting({ store: 'durable', lost: 100, whole: 100 }) },
    'unknown',
    'All 3 replicas are ready. The store was switched under users who came with durable: what they lost says nothing of memory.',
  ],
  [
    'nobody is there',
    { visitors: { state: 'away', totals: null, failedPerSecond: null } },
    'plain',
    'All 3 replicas are ready. Start the users to see their sessions survive.',
  ],
  [
    'nobody is there, and something is broken',
    { visitors: { state: 'away', totals, failedPerSecond: null }, nginx: 'down' },
    'unknown',
    'nginx does not answer. Start the users to see their sessions survive.',
  ],
])('%s', (_, facts, tone, text) => {
  expect(sentenceOf({ ...calm, ...facts })).toEqual({ tone, text });
});
