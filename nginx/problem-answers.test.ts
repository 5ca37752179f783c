import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Problem, type ProblemCode } from '../src/errors.ts';

const text = readFileSync(new URL('problem-answers.conf', import.meta.url), 'utf8');
const answers = [...text.matchAll(/return (\d+) '(.*)\\n';/g)].map(([, status, body = '']) => {
  return { sent: Number(status), ...(JSON.parse(body) as { type: string; title: string; status: number }) };
});
const shared: ProblemCode[] = ['invalid-request', 'body-too-large', 'not-found', 'method-not-allowed'];

test.each(shared)('%s has the same status and title from nginx as from a replica', (code) => {
  const { title, status } = new Problem(code, '');
  const own = answers.filter(({ type }) => type === `urn:problem-type:unsticky:${code}`);
  expect(own.length).toBeGreaterThan(0);
  for (const answer of own) expect(answer).toMatchObject({ title, status });
});

test('the status in each body is the one that is sent', () => {
  expect(answers.length).toBeGreaterThan(9);
  for (const { sent, status } of answers) expect(sent).toBe(status);
});
