import { expect, test } from 'vitest';
import { Problem } from '../errors.ts';
import { age, greet, nameOfAgent, describeProblem } from './messages.ts';

test('a greeting names its language', () => {
  expect(greet('pt-BR')).toEqual({ lang: 'pt-BR', greeting: 'Olá' });
  expect(greet('DE')).toEqual({ lang: 'DE', greeting: 'Hallo' });
  for (const unknown of ['xx', 'constructor', undefined])
    expect(greet(unknown)).toEqual({ lang: 'en', greeting: 'Hello' });
});

test.each([
  [0, 'less than a minute'],
  [60_000, '1 min'],
  [119 * 60_000, '119 min'],
  [2 * 3_600_000, '2 hours'],
  [50 * 3_600_000, '2 days'],
])('%i ms is %s', (ms, words) => {
  expect(age(ms)).toBe(words);
});

test.each([
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36',
    'Chrome on Linux',
  ],
  ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0', 'Edge on Windows'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1', 'Safari on iOS'],
  ['curl/8.14.1', 'curl/8.14.1'],
  [undefined, 'Unknown browser'],
])('%s is %s', (userAgent, name) => {
  expect(nameOfAgent(userAgent)).toBe(name);
});

test('a problem is described for visitors', () => {
  const errors = [{ field: 'sku', message: 'must be a text' }];
  expect(describeProblem(new Problem('invalid-body', 'sku must be a text.', { errors }))).toBe('Item must be a text.');
  expect(describeProblem(new Problem('tls-required', 'Use https.'))).toBe('Use https.');
  expect(describeProblem(new Problem('logged-out', 'Log in first: POST /login.'))).not.toContain('POST');
});
