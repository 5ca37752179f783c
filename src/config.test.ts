import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import pkg from '../package.json' with { type: 'json' };
import { developmentSecret, readConfig } from './config.ts';

const secret = 'x'.repeat(32);

describe('readConfig', () => {
  test('sentinels are a list of addresses, and only durable follows them', () => {
    const { redisSentinels, redisMaster, waitReplicas } = readConfig({ REDIS_SENTINELS: 'a:1, [2001:db8::1]:26379' });
    expect(redisSentinels).toEqual([
      { host: 'a', port: 1 },
      { host: '2001:db8::1', port: 26379 },
    ]);
    expect([redisMaster, waitReplicas]).toEqual(['mymaster', undefined]);
    for (const wrong of ['a', 'a:', 'a:99999', 'redis://a:1', 'a:1,,b:2', ' '])
      expect(() => readConfig({ REDIS_SENTINELS: wrong })).toThrow(/REDIS_SENTINELS must be a list of addresses/);
    expect(() => readConfig({ REDIS_SENTINELS: 'a:1', SESSION_STORE: 'plain' })).toThrow(/only durable follows them/);
    expect(() => readConfig({ REDIS_WAIT_REPLICAS: 'all' })).toThrow(
      /REDIS_WAIT_REPLICAS must be a number from 0 to 9/,
    );
  });

  test('the servers of a Cluster are a list of addresses, instead of what does not go with it', () => {
    const REDIS_CLUSTER = 'a:1,b:2';
    expect(readConfig({ REDIS_CLUSTER }).redisCluster).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ]);
    const wrong = [
      [{ REDIS_CLUSTER: 'a' }, /REDIS_CLUSTER must be a list of addresses/],
      [{ REDIS_CLUSTER, SESSION_STORE: 'plain' }, /REDIS_CLUSTER must not be set with SESSION_STORE=plain/],
      [{ REDIS_CLUSTER, REDIS_SENTINELS: 'a:1' }, /REDIS_CLUSTER must not be set beside REDIS_SENTINELS/],
      [{ REDIS_CLUSTER, SESSION_MIGRATE_FROM: 'sess:' }, /SESSION_MIGRATE_FROM must not be set with REDIS_CLUSTER/],
      [{ REDIS_CLUSTER, REDIS_URL: 'redis://a/1' }, /REDIS_URL must not name a database with REDIS_CLUSTER/],
    ] as const;
    for (const [env, message] of wrong) expect(() => readConfig(env)).toThrow(message);
    expect(() => readConfig({ REDIS_CLUSTER, REDIS_URL: 'redis://user:pass@a/0' })).not.toThrow();
  });

  test('has a default for every setting in development', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      production: false,
      port: 3000,
      store: 'durable',
      idleSeconds: 3600,
      host: '127.0.0.1',
    });
    expect(config.secretsAreForDevelopment).toBe(true);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('production limits logins unless a setting says otherwise, and refuses the public password of Redis', () => {
    const random = 'f3q8ZkT1xW7pLr0vBn5cMj2yHd9sAg4e';
    const production = { NODE_ENV: 'production', SESSION_SECRETS: random };
    expect(readConfig({})).toMatchObject({ loginsPerAccount: 0, loginsPerAddress: 0 });
    expect(readConfig(production)).toMatchObject({ loginsPerAccount: 10, loginsPerAddress: 100 });
    expect(readConfig({ ...production, LOGINS_PER_ACCOUNT: '0', LOGINS_PER_ADDRESS: '7' })).toMatchObject({
      loginsPerAccount: 0,
      loginsPerAddress: 7,
    });
    const REDIS_URL = readFileSync('deploy/redis/development-url', 'utf8').trim();
    expect(readConfig({ REDIS_URL }).redisUrl).toBe(REDIS_URL);
    expect(() => readConfig({ ...production, REDIS_URL })).toThrow('REDIS_URL must not have the public password');
  });

  test('treats an empty value as unset', () => {
    expect(readConfig({ SESSION_SECRETS: '', PORT: '' }).port).toBe(3000);
  });

  test('the version is the setting, or that of the package', () => {
    expect(readConfig({ APP_VERSION: '' }).version).toBe(pkg.version);
    expect(readConfig({ APP_VERSION: '2.0.0-rc.1+build_7' }).version).toBe('2.0.0-rc.1+build_7');
  });

  test('takes several secrets, the newest first', () => {
    const other = 'y'.repeat(40);
    expect(readConfig({ SESSION_SECRETS: `${secret}, ${other}` }).secrets).toEqual([secret, other]);
  });

  test.each([
    [{ PORT: '8080x' }, 'PORT must be a whole number from 0 to 65535, not "8080x"'],
    [{ PORT: '-1' }, 'PORT must be'],
    [{ PORT: '65536' }, 'PORT must be'],
    [{ SESSION_STORE: 'postgres' }, 'SESSION_STORE must be one of durable, plain, memory, not "postgres"'],
    [{ NODE_ENV: 'production' }, 'SESSION_SECRETS must be set with NODE_ENV=production'],
    [{ SESSION_SECRETS: 'x'.repeat(31) }, 'SESSION_SECRETS must be secrets of 32 characters or more'],
    [{ SESSION_SECRETS: `${secret},` }, 'SESSION_SECRETS must be'],
    [{ REPLICA: 'a b' }, 'REPLICA must be'],
    [{ APP_VERSION: '1 2' }, 'APP_VERSION must be'],
    [{ APP_VERSION: 'x'.repeat(65) }, 'APP_VERSION must be'],
    [{ REDIS_URL: 'localhost:6379' }, 'REDIS_URL must be a URL'],
    [{ REDIS_URL: 'redis://localhost/abc' }, 'REDIS_URL must end with its host or port'],
    [{ SESSION_IDLE_SECONDS: '0' }, 'SESSION_IDLE_SECONDS must be'],
  ])('refuses %j', (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });

  test.each([
    [developmentSecret, 'is the public one'],
    ['a'.repeat(32), 'repeats itself'],
    ['0123456789abcdef'.repeat(2), 'repeats itself'],
    ['abababbabaababbaababbababaabbaba', 'repeats itself'],
    ['please-change-me-please-change-me-now', 'is a placeholder'],
    ['keyboard cat is what tutorials sign with', 'is a placeholder'],
  ])('production refuses the secret %j, also as an older one', (weak, why) => {
    const good = randomBytes(32).toString('hex');
    for (const secrets of [weak, `${good},${weak}`]) {
      const env = { NODE_ENV: 'production', SESSION_SECRETS: secrets };
      expect(() => readConfig(env)).toThrow(`SESSION_SECRETS must be random with NODE_ENV=production: one ${why}`);
      expect(readConfig({ SESSION_SECRETS: secrets }).secrets).toHaveLength(secrets.split(',').length);
    }
  });

  test('production takes what openssl and randomBytes make, hex and base64', () => {
    for (let round = 0; round < 200; round++) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        const made = randomBytes(32).toString(encoding);
        expect(readConfig({ NODE_ENV: 'production', SESSION_SECRETS: made }).secrets).toEqual([made]);
      }
    }
  });

  test('secrets and the URL of Redis may be in files, a secret a line', () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = (name: string, text: string) => {
      writeFileSync(path.join(dir, name), text);
      return path.join(dir, name);
    };
    const [one, two] = ['1', '2'].map(() => randomBytes(32).toString('hex'));
    const env = {
      NODE_ENV: 'production',
      SESSION_SECRETS_FILE: file('secrets', `${one}\n${two}\n`),
      REDIS_URL_FILE: file('url', 'redis://:pass@redis:6379\n'),
    };
    expect(readConfig(env)).toMatchObject({ secrets: [one, two], redisUrl: 'redis://:pass@redis:6379' });
    const wrong = [
      [{ ...env, SESSION_SECRETS: one }, 'SESSION_SECRETS_FILE must not be set beside SESSION_SECRETS'],
      [{ ...env, SESSION_SECRETS_FILE: `${dir}/none` }, 'SESSION_SECRETS_FILE must be a file that can be read: ENOENT'],
      [{ ...env, SESSION_SECRETS_FILE: file('empty', '\n') }, 'SESSION_SECRETS_FILE must not be empty'],
      [{ ...env, REDIS_URL_FILE: file('wrong', 'redis.example:6379') }, 'REDIS_URL must be a URL'],
    ] as const;
    for (const [settings, message] of wrong) expect(() => readConfig(settings)).toThrow(message);
  });

  test('names all problems in one message', () => {
    const env = { PORT: 'x', SESSION_STORE: 'y', NODE_ENV: 'production', LOG_LEVEL: 'loud' };
    for (const name of ['PORT', 'SESSION_STORE', 'SESSION_SECRETS', 'LOG_LEVEL']) {
      expect(() => readConfig(env)).toThrow(new RegExp(`^  ${name} must`, 'm'));
    }
  });

  test('reveals no secret and no password', () => {
    const env = { SESSION_SECRETS: 'my-short-secret', REDIS_URL: 'http://user:my-password@host' };
    let message = '';
    try {
      readConfig(env);
    } catch (err) {
      message = (err as Error).message;
    }
    expect(message).toContain('SESSION_SECRETS');
    expect(message).not.toMatch(/my-short-secret|my-password/);
  });
});
