import { expect, test } from 'vitest';
import { createTally } from './checked-load.ts';

test('a response to a request from before a step ended counts neither as before nor as after it', () => {
  const tally = createTally(false, true);
  const receive = (user: number, replica: string) => tally.note(user, 200, '', { 'X-Served-By': replica });
  receive(0, 'replica-1');
  receive(1, 'replica-2');
  tally.begin('replica-2 is killed', false);
  receive(0, 'replica-1');
  tally.end();
  for (const replica of ['replica-2', 'replica-1', 'replica-1']) receive(1, replica); // the first was on its way
  const result = { latency: {}, requests: {} } as Parameters<typeof tally.toResult>[0];
  const { answered, shares } = tally.toResult(result, 1, 2, []);
  expect(answered).toBe(6);
  expect(shares).toEqual({ before: { 'replica-1': 1, 'replica-2': 1 }, after: { 'replica-1': 2 } });
});
