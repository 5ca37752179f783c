import { describe, expect, test } from 'vitest';
import pkg from '../package.json' with { type: 'json' };
import { readConfig } from './config.ts';

const secret = 'x'.repeat(32);

describe('readConfig', () => {
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
    [{ SESSION_IDLE_SECONDS: '0' }, 'SESSION_IDLE_SECONDS must be'],
  ])('refuses %j', (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
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
