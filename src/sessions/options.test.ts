import fc from 'fast-check';
import { createClient, createClientPool, createCluster } from 'redis';
import { expect, test } from 'vitest';
import { followCluster } from './index.ts';
import { checkOptions, type SessionsOptions } from './options.ts';

const cluster = followCluster({ nodes: [{ host: '127.0.0.1', port: 1 }], connectTo: () => createClient() as never });
const good = { client: createClient(), secrets: ['s'.repeat(32)] };

test.each([
  [{}],
  [{ client: cluster, genid: undefined }],
  [{ name: 'app.sid', rolling: true, idleSeconds: 0.5, migrateCookie: undefined, maxPerUser: Infinity }],
  [
    {
      cookie: { sameSite: 'lax', domain: 'example.org', path: '/app', secure: true, httpOnly: true, priority: 'high' },
    },
  ],
] as Partial<SessionsOptions>[][])('%j is valid', (options) => {
  expect(() => checkOptions({ ...good, ...options })).not.toThrow();
});

test.each([
  [{ client: undefined }, "client must be a client of node-redis's createClient"],
  [{ client: {} }, 'client must be'],
  [{ client: createClientPool() }, 'client must be'],
  [{ client: createCluster({ rootNodes: [{}] }) }, 'or of followCluster, not of createCluster'],
  [{ client: cluster, genid: () => 'id' }, 'genid must not be given with a Cluster'],
  [{ client: cluster, migrateFrom: 'sess:' }, 'migrateFrom must not be given with a Cluster'],
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
  [{ idleSeconds: Number.NaN }, 'idleSeconds must be'],
  [{ absoluteSeconds: Infinity }, 'absoluteSeconds must be a positive number, at most 1000000000'],
  [{ maxBytes: -1 }, 'maxBytes must be'],
  [{ maxPerUser: 1.5 }, 'maxPerUser must be an integer'],
  [{ ttl: 60 }, 'no option ttl'],
  [{ userOf: 'user' }, 'userOf must be a function'],
  [{ lastWriteWins: 'lastSeen' }, 'lastWriteWins must be a list of names'],
  [{ name: 'a;b' }, 'name must be the name of a cookie'],
  [{ cookie: null }, 'cookie must be an object'],
  [{ cookie: { sameSite: 'Lax' } }, "cookie.sameSite must be 'strict', 'lax', 'none' or a boolean"],
  [{ cookie: { maxAge: 1000 } }, 'no option cookie.maxAge'],
  [{ cookie: { path: 'app' } }, "cookie.path must be a path that begins with '/'"],
  [{ cookie: { domain: 'a; Path=/' } }, 'cookie.domain must be a domain'],
] as [object, string][])('%o is a TypeError that names the option', (options, message) => {
  const check = () => checkOptions({ ...good, ...options } as SessionsOptions);
  expect(check).toThrow(TypeError);
  expect(check).toThrow(message);
});

test('of 1,000 random options each is accepted as documented, or a TypeError that names it', () => {
  const names = [
    'name',
    'cookie',
    'rolling',
    'genid',
    'idleSeconds',
    'absoluteSeconds',
    'deadlineMs',
    'maxBytes',
    'maxPerUser',
    'userOf',
    'lastWriteWins',
    'prefix',
    'migrateFrom',
    'migrateCookie',
    'observe',
    'secrets',
  ];
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.anything(), (name, value) => {
      try {
        checkOptions({ ...good, [name]: value } as never);
      } catch (err) {
        refused += 1;
        expect(err).toBeInstanceOf(TypeError);
        expect((err as Error).message).toContain(name);
      }
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(500);
});
