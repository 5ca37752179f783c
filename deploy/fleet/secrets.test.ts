import { expect, test } from 'vitest';
import { developmentSecret as known } from '../../src/config.ts';
import { developmentSecret, rotation } from './secrets.ts';

test('a fleet knows the default secret of replicas without a setting', () => {
  expect(developmentSecret).toBe(known);
});

test('a rotation first lets all replicas verify the new secret, and removes none', () => {
  const { fresh, steps } = rotation('old');
  expect(fresh).toMatch(/^[0-9a-f]{64}$/);
  expect(steps).toEqual([`old,${fresh}`, `${fresh},old`]);
});
