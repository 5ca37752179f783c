import { expect, test } from 'vitest';
import { createProbe, LastingError } from './probe.ts';

test('a probe has the last answer, or why there is none', async () => {
  const answers = [async () => 1, () => Promise.reject(new Error('gone')), async () => 2];
  const probe = createProbe(() => (answers.shift() as () => Promise<number>)());
  expect(probe.problem).toBe('not asked yet');
  const seen = [];
  while (answers.length > 0) {
    probe.refreshSoon();
    await probe.ask(1000);
    seen.push([probe.value, probe.problem]);
  }
  expect(seen).toEqual([
    [1, undefined],
    [undefined, 'gone'],
    [2, undefined],
  ]);
});

test('a question that hangs is awaited within the patience, never asked twice, and reported after the limit', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<string>();
  const probe = createProbe(
    () => {
      asked += 1;
      return answer.promise;
    },
    { limitMs: 0 },
  );
  await probe.ask(5);
  await probe.ask(5);
  expect(asked).toBe(1);
  expect(probe.problem).toMatch(/^no answer for \d+ s$/);
  answer.resolve('late');
  await probe.ask(1000);
  expect([probe.value, probe.problem]).toEqual(['late', undefined]);
});

test('a question is not repeated before its interval has passed', async () => {
  let asked = 0;
  const probe = createProbe(async () => ++asked, { everyMs: 60_000 });
  await probe.ask(1000);
  await probe.ask(1000);
  expect(asked).toBe(1);
  probe.refreshSoon();
  await probe.ask(1000);
  expect(asked).toBe(2);
});

test('after refreshSoon the next question is asked at once, also if one is pending', async () => {
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let asked = 0;
  const probe = createProbe(() => (answers[asked++] as (typeof answers)[number]).promise, { everyMs: 60_000 });
  await probe.ask(0);
  probe.refreshSoon();
  answers[0]?.resolve('before');
  answers[1]?.resolve('after');
  await probe.ask(1000);
  expect(probe.value).toBe('after');
  await probe.ask(1000);
  expect(asked).toBe(2);
});

test('an error is ignored for the grace period, unless it is a LastingError', async () => {
  const answers = [
    async () => 1,
    () => Promise.reject(new Error('just being replaced')),
    () => Promise.reject(new LastingError('gone')),
    () => Promise.reject(new Error('still gone')),
  ];
  const probe = createProbe(() => (answers.shift() as () => Promise<number>)(), { graceMs: 60_000 });
  const seen = [];
  while (answers.length > 0) {
    probe.refreshSoon();
    await probe.ask(1000);
    seen.push(probe.value ?? probe.problem);
  }
  expect(seen).toEqual([1, 1, 'gone', 'still gone']);
});
