import { expect, test } from 'vitest';
import { developmentSecret as known } from '../../src/config.ts';
import { developmentSecret, rotation } from './secrets.ts';

test('a fleet knows the secret of replicas that were given none', () => {
  expect(developmentSecret).toBe(known);
});

test('a rotation first lets all verify the new secret, and takes none away', () => {
  const { fresh, steps } = rotation('old');
  expect(fresh).toMatch(/^[0-9a-f]{64}$/);
  expect(steps).toEqual([`old,${fresh}`, `${fresh},old`]);
});
