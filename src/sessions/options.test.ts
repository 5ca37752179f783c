import { expect, test } from 'vitest';
import { createClient, createClientPool, createCluster } from 'redis';
import { DurableStore } from './index.ts';
import { checkOptions, type SessionsOptions } from './options.ts';

const good = { store: { get() {} } as never, secrets: ['s'.repeat(32)] };

test.each([
  [{}],
  [{ name: 'app.sid', secureOnly: true, idleSeconds: 0.5, migrateCookie: undefined }],
  [
    {
      cookie: { sameSite: 'lax', domain: 'example.org', path: '/app', secure: true, httpOnly: true, priority: 'high' },
    },
  ],
] as Partial<SessionsOptions>[][])('%j is right', (options) => {
  expect(() => checkOptions({ ...good, ...options })).not.toThrow();
});

test.each([
  [{ store: undefined }, 'store must be a store of express-session'],
  [{ store: {} }, 'store must be'],
  [{ secrets: undefined }, 'secrets must be a list of strings of at least 16 characters each'],
  [{ secrets: [] }, 'secrets must be'],
  [{ secrets: [undefined] }, 'secrets must be'],
  [{ secrets: [''] }, 'secrets must be'],
  [{ secrets: 's'.repeat(32) }, 'secrets must be'],
  [{ secret: 's'.repeat(32) }, 'no option secret'],
  [{ constructor: 1 }, 'no option constructor'],
  [{ idleSeconds: 0 }, 'idleSeconds must be a positive number'],
  [{ idleSeconds: Infinity }, 'idleSeconds must be'],
  [{ idleSeconds: '60' }, 'idleSeconds must be'],
  [{ name: 'a;b' }, 'name must be the name of a cookie'],
  [{ cookie: null }, 'cookie must be an object'],
  [{ cookie: { sameSite: 'Lax' } }, "cookie.sameSite must be 'strict', 'lax', 'none' or a boolean"],
  [{ cookie: { maxAge: 1000 } }, 'no option cookie.maxAge'],
  [{ cookie: { path: 'app' } }, "cookie.path must be a path that begins with '/'"],
  [{ cookie: { domain: 'a; Path=/' } }, 'cookie.domain must be a domain'],
])('%j is a TypeError that names the option', (options, message) => {
  const check = () => checkOptions({ ...good, ...options } as SessionsOptions);
  expect(check).toThrow(TypeError);
  expect(check).toThrow(message);
});

test.each([
  [{}, 'client must be a client of node-redis'],
  [{ client: {} }, 'client must be'],
  [{ client: createClientPool() }, 'client must be'],
  [{ client: createCluster({ rootNodes: [{}] }) }, 'client must be'],
  ...Object.entries({
    idleSeconds: [0, 0.5, Infinity, Number.NaN, '60'],
    absoluteSeconds: [0, Infinity],
    maxBytes: [-1],
  }).flatMap(([name, values]) =>
    values.map((value) => [{ client: createClient(), [name]: value }, `${name} must be`] as const),
  ),
  [{ client: createClient(), ttl: 60 }, 'DurableStore has no option ttl'],
  [{ client: createClient(), userOf: 'user' }, 'userOf must be a function'],
] as [object, string][])('a store: wrong options are a TypeError that names one', (options, message) => {
  const make = () => new DurableStore(options as never);
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
