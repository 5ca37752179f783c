import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { developmentSecret as known } from '../../src/config.ts';
import { developmentSecret, readGivenSecrets, rotation } from './secrets.ts';

test('a fleet knows the default secret of replicas without a setting', () => {
  expect(developmentSecret).toBe(known);
});

test('a rotation first lets all replicas verify the new secret, and removes none', () => {
  const { fresh, steps } = rotation('old');
  expect(fresh).toMatch(/^[0-9a-f]{64}$/);
  expect(steps).toEqual([`old,${fresh}`, `${fresh},old`]);
});

test('secrets are given by the environment or by a file with one on each line', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'secrets');
  writeFileSync(file, 'new\nold\n');
  expect(readGivenSecrets({ SESSION_SECRETS_FILE: file })).toBe('new,old');
  expect(readGivenSecrets({ SESSION_SECRETS: 'given', SESSION_SECRETS_FILE: '' })).toBe('given');
  expect(readGivenSecrets({})).toBe('');
});
