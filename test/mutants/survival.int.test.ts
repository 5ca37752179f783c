import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { judge } from './checks/judge.ts';
import type { Judgement } from './checks/judgement.ts';
import { silent } from './live.ts';
import { type Mix, visitors } from './mix.ts';
import { type OwnFleet, withRunFleet } from './own-fleet.ts';
import { type Plan, plans, quick } from './plan.ts';
import { runPlan } from './run.ts';

// A proof that cannot fail is none. Each of these plants a fault that others have really had, and the checks must say
// fail, name what it broke, and show the operations.

interface Planted extends Partial<OwnFleet> {
  plan: string;
  mix?: Partial<Mix>;
  /** Done to the fleet before the users come. */
  plant?: (fleet: Fleet, dir: string) => Promise<void>;
}

/** Two replicas, 60 users, and one plan. */
async function run({ plan: name, mix = {}, plant, store = 'durable', ...fleet }: Planted): Promise<Judgement> {
  const never = new AbortController().signal;
  const judgement = await withRunFleet({ replicas: 2, env: process.env, store, ...fleet }, never, async (up, dir) => {
    await plant?.(up, dir);
    const plan = quick(plans[name] as Plan);
    const users = { users: 60, rate: 300, background: 0, mix: { ...visitors, ...mix }, seed: 1, command: '' };
    return judge(await runPlan({ fleet: up, name, plan, ...users, live: silent, ending: never }));
  });
  return judgement as Judgement;
}

const main = path.resolve('src/planted.ts');
const settings = (planted: string) => ({ main, settings: { PLANTED: planted } });
/** What plain sessions can take: one write at a time. Reads come from several connections. */
const careful: Partial<Mix> = { oneWriter: true };

const countOf = ({ checks }: Judgement, name: string) => checks.find((check) => check.name === name)?.count ?? 0;

/** The checks found it, and show the operations: the first of them is this. */
function expectFound(judgement: Judgement, name: string, words: RegExp, kinds: string[][]): void {
  expect(judgement.verdict).toBe('fail');
  const check = judgement.checks.find((check) => check.name === name);
  const [first] = check?.violations ?? [];
  expect(first?.words).toMatch(words);
  expect(kinds).toContainEqual(first?.operations.map(({ kind }) => kind));
  expect(judgement.reasons.join()).toContain(check?.title);
}

const write = ['add', 'prefer', 'remove'];
const read = ['cart', 'add', 'remove', 'prefer', 'preferences'];
const writeAndRead = write.flatMap((one) => read.map((other) => [one, other]));
const readAndRead = read.flatMap((one) => read.map((other) => [one, other]));
const who = ['profile', 'whoami'];

test('the memory store behind two replicas loses sessions', async () => {
  const judgement = await run({ plan: 'kill-replica', store: 'memory', mix: careful });
  expectFound(
    judgement,
    'lost-session',
    /^user-\d+\.\d+ was logged in by replica-\d; .* later replica-\d answered: nobody/,
    who.map((kind) => ['login', kind]),
  );
});

test('plain sessions lose concurrent writes and undo logouts', async () => {
  const judgement = await run({ plan: 'kill-replica', store: 'plain' });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
  const told = ['logout', 'logout-everywhere', ...who];
  expectFound(
    judgement,
    'undone-logout',
    /is logged out; .* later replica-\d (answered as user-\d+|showed its cart)/,
    told.flatMap((one) => [...who, 'cart'].map((other) => [one, other])),
  );
});

test('with one write at a time plain sessions hold; with resave: true each read saves what it had read, and they do not', async () => {
  // Not killed: plain sessions know no Idempotency-Key, so what nginx sends again when a replica dies may be done twice.
  const held = await run({ plan: 'stop-replica', store: 'plain', mix: careful });
  expect({ verdict: held.verdict, reasons: held.reasons }).toEqual({ verdict: 'pass', reasons: [] });
  const judgement = await run({ plan: 'kill-replica', store: 'plain', mix: careful, ...settings('resave') });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});

test('a cache in the replica answers with what another has changed since', async () => {
  const judgement = await run({ plan: 'kill-replica', ...settings('cache') });
  expectFound(judgement, 'stale-read', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});

test('a store that answers before it has saved loses what it acknowledged', async () => {
  const judgement = await run({ plan: 'kill-replica', store: 'plain', mix: careful, ...settings('answers-first') });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});

test('nginx that repeats what may not be repeated adds an article twice', async () => {
  const mix = { keys: false };
  // As it should be, the request that nobody may repeat is not done twice: it fails.
  const once = await run({ plan: 'pause-replica', mix });
  expect(countOf(once, 'duplicate')).toBe(0);
  expect(countOf(once, 'failed-request')).toBeGreaterThan(0);
  const judgement = await run({
    plan: 'pause-replica',
    mix,
    async plant(fleet, dir) {
      const file = path.join(dir, 'nginx/nginx.conf');
      const text = readFileSync(file, 'utf8');
      expect(text).toContain('if ($send_once)');
      writeFileSync(
        file,
        text
          .replace('if ($send_once)', 'if ($never)')
          .replace('map "$request_method', 'map $host $never { default 0; }\nmap "$request_method'),
      );
      await fleet.proxy.reload();
    },
  });
  const shows = ['cart', 'add', 'remove'].flatMap((kind) => [['add', kind], [kind]]);
  expectFound(judgement, 'duplicate', /was added once, and replica-\d shows it twice/, shows);
});

test('Redis that writes to a slow disk once a second loses what it acknowledged when it is killed', async (context) => {
  const judgement = await run({
    plan: 'redis-kill',
    async plant({ redis }) {
      if (!redis.slowDisk) context.skip('nobody may trace a process here');
      await redis.slowDisk?.(4000);
      await redis.configure('appendfsync', 'everysec');
    },
  });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});
