import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { judge } from '../../load/checks/judge.ts';
import type { Judgement } from '../../load/checks/judgement.ts';
import { silent } from '../../load/run/progress.ts';
import { type Workload, shopping } from '../../load/users/workload.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';
import { type RunFleetOptions, withTemporaryFleet } from '../../deploy/fleet/local/temporary.ts';
import { quick } from '../../load/run/plan.ts';
import { type PlanName, plans } from '../../load/run/plans.ts';
import { runPlan } from '../../load/run/run.ts';

// A proof that cannot fail proves nothing. Each test plants a defect that real systems had; the checks must fail, name
// what it broke, and show the operations. Runs mostly wait, so those that need not pass run at the same time.

interface Mutation extends Partial<RunFleetOptions> {
  plan: PlanName;
  workload?: Partial<Workload>;
  /** Changes the fleet before the users arrive. */
  plant?: (fleet: Fleet, dir: string) => Promise<void>;
}

/** Two replicas, 60 users, and one plan. */
async function run({ plan: name, workload = {}, plant, store = 'durable', ...fleet }: Mutation): Promise<Judgement> {
  const never = new AbortController().signal;
  const judgement = await withTemporaryFleet(
    { replicas: 2, env: process.env, store, ...fleet },
    never,
    async (up, dir) => {
      await plant?.(up, dir);
      const plan = quick(plans[name]);
      const users = {
        users: 60,
        rate: 300,
        background: 0,
        workload: { ...shopping, ...workload },
        seed: 1,
        command: '',
      };
      return judge(await runPlan({ fleet: up, name, plan, ...users, progress: silent, ending: never }));
    },
  );
  return judgement as Judgement;
}

const main = path.resolve('test/mutants/replica.ts');
const mutant = (name: string) => ({ main, settings: { MUTANT: name } });
/** What plain sessions survive: one write at a time. Reads come from several connections. */
const careful: Partial<Workload> = { singleWriter: true };

const countOf = ({ checks }: Judgement, name: string) => checks.find((check) => check.name === name)?.count ?? 0;

/** If not, the reasons for its verdict are printed. */
function expectFailed({ verdict, reasons }: Judgement): void {
  expect({ verdict, reasons }).toMatchObject({ verdict: 'fail' });
}

/** The check failed, and its first violation reads like `summary` and shows these operations. */
function expectFound(judgement: Judgement, name: string, summary: RegExp, kinds: string[][]): void {
  expectFailed(judgement);
  const check = judgement.checks.find((check) => check.name === name);
  const [first] = check?.violations ?? [];
  expect(first?.summary).toMatch(summary);
  expect(kinds).toContainEqual(first?.operations.map(({ kind }) => kind));
  expect(judgement.reasons.join()).toContain(check?.title);
}

/** When a file in this folder was last written to, in milliseconds since 1970. */
const modifiedAt = (dir: string) => Math.max(...readdirSync(dir).map((name) => statSync(path.join(dir, name)).mtimeMs));

const write = ['add', 'prefer', 'remove'];
const read = ['cart', 'add', 'remove', 'prefer', 'preferences'];
const writeAndRead = write.flatMap((one) => read.map((other) => [one, other]));
const readAndRead = read.flatMap((one) => read.map((other) => [one, other]));
const who = ['profile', 'whoami'];

test('plain sessions survive one write at a time; with resave: true each read writes back old data, and they do not', async () => {
  // No kill: plain sessions ignore the Idempotency-Key, so a request that nginx repeats may take effect twice.
  const held = await run({ plan: 'stop-replica', store: 'plain', workload: careful });
  expect({ verdict: held.verdict, reasons: held.reasons }).toEqual({ verdict: 'pass', reasons: [] });
  const judgement = await run({ plan: 'kill-replica', store: 'plain', workload: careful, ...mutant('resave') });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});

test.concurrent('the memory store behind two replicas loses sessions', async () => {
  const judgement = await run({ plan: 'kill-replica', store: 'memory', workload: careful });
  expectFound(
    judgement,
    'lost-session',
    /^user-\d+\.\d+ was logged in by replica-\d; .* later replica-\d answered: not logged in/,
    who.map((kind) => ['login', kind]),
  );
});

test.concurrent('plain sessions lose concurrent writes and undo logouts', async () => {
  const judgement = await run({ plan: 'kill-replica', store: 'plain' });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
  const ends = ['logout', 'logout-everywhere', ...who];
  expectFound(
    judgement,
    'undone-logout',
    /was logged out by replica-\d; .* later replica-\d (answered as user-\d+|showed its cart)/,
    ends.flatMap((one) => [...who, 'cart'].map((other) => [one, other])),
  );
});

test.concurrent('a cache in the replica returns data that another replica has changed since', async () => {
  const judgement = await run({ plan: 'kill-replica', ...mutant('cache') });
  expectFound(judgement, 'stale-read', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});

test.concurrent('a replica that does not listen to what ends elsewhere keeps streams open after their logout', async () => {
  const judgement = await run({ plan: 'kill-replica', ...mutant('deaf-streams') });
  const logouts = [['logout'], ['logout-everywhere']];
  const summary =
    /^user-\d+\.\d+ was logged out, and its stream from replica-\d (was still open|ended) [\d.]+ s later$/;
  expectFound(judgement, 'outliving-stream', summary, logouts);
});

test.concurrent('a store that answers before it saves loses acknowledged writes', async () => {
  const judgement = await run({ plan: 'kill-replica', store: 'plain', workload: careful, ...mutant('answers-first') });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});

test.concurrent('an nginx that repeats requests without a key adds an item twice', async () => {
  const workload = { keys: false };
  // With the real configuration the request is not repeated: it fails.
  const once = await run({ plan: 'pause-replica', workload });
  expect(countOf(once, 'duplicate')).toBe(0);
  expect(countOf(once, 'failed-request')).toBeGreaterThan(0);
  const judgement = await run({
    plan: 'pause-replica',
    workload,
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

test.concurrent('an nginx that never sets a hung replica aside serves users worse for as long as it hangs', async () => {
  const judgement = await run({
    plan: 'hang-replica',
    async plant(fleet, dir) {
      const file = path.join(dir, 'nginx/driver/upstreams.conf');
      const text = readFileSync(file, 'utf8');
      expect(text).toContain('max_fails=2 fail_timeout=1s');
      writeFileSync(file, text.replaceAll('max_fails=2 fail_timeout=1s', 'max_fails=0'));
      await fleet.proxy.reload();
    },
  });
  expect(judgement.verdict).toBe('fail');
  const { violations = [] } = judgement.checks.find(({ name }) => name === 'degraded-service') ?? {};
  expect(violations.map(({ summary }) => summary)).toEqual([
    expect.stringMatching(/^hang-replica: users got \d+ % of the \d+ successes per second before it$/),
    expect.stringMatching(/^hang-replica: p99 was 2\d{3} ms \(limit 250\)$/),
  ]);
});

test.concurrent.each(['sentinel', 'cluster'] as const)(
  'a failover (%s) loses acknowledged changes if they did not wait for a replica',
  async (redis) => {
    const failover = { plan: 'redis-failover-behind', redis, breakableNetwork: false } as const;
    const held = await run(failover);
    const lost = held.checks.filter(({ name }) => /^(lost|undone|false)-/.test(name));
    expect(lost.flatMap(({ violations }) => violations.map(({ summary }) => summary))).toEqual([]);
    const judgement = await run({ ...failover, settings: { REDIS_WAIT_REPLICAS: '0' } });
    expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
  },
);

test.concurrent('a primary that is replaced while it is alive loses what only its other replica has confirmed', async () => {
  const alive = { plan: 'redis-failover-alive', redis: 'sentinel', breakableNetwork: false } as const;
  const lossOf = (judgement: Judgement) =>
    ['lost-session', 'lost-write', 'undone-logout'].map((name) => countOf(judgement, name)).reduce((a, b) => a + b);
  expect(lossOf(await run(alive))).toBe(0);
  const judgement = await run({ ...alive, ...mutant('unasked') });
  expectFailed(judgement);
  expect(lossOf(judgement)).toBeGreaterThan(0);
});

test.concurrent('Redis with appendfsync everysec and a slow disk loses acknowledged writes when it is killed', async (context) => {
  const judgement = await run({
    plan: 'redis-kill',
    async plant({ redis }, dir) {
      if (!redis.slowDisk) context.skip('processes cannot be traced here');
      await redis.configure('appendfsync', 'everysec');
      await redis.slowDisk?.(4000);
      // While an fsync lasts, Redis keeps acknowledged changes in memory, and writes them to the file every 2 s.
      const { kill } = redis;
      redis.kill = async (signal) => {
        const quietMs = () => Date.now() - modifiedAt(path.join(dir, 'redis/appendonlydir'));
        await waitFor('changes are kept in memory', async () => quietMs() > 500, { timeoutMs: 10_000 });
        return kill(signal);
      };
    },
  });
  expectFound(judgement, 'lost-write', /later replica-\d showed/, [...writeAndRead, ...readAndRead]);
});
