import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { startCommand } from '../../test/fleet.ts';
import { startServedFleet } from '../../test/control-room.ts';
import { until } from '../../test/replica.ts';

let fleet: Fleet;
let dir: string;
let end: () => Promise<unknown>;
beforeAll(async () => {
  ({ fleet, dir, end } = await startServedFleet({ replicas: 2, env: { ...process.env, NGINX_MODE: 'production' } }));
});
afterAll(() => end());

interface AttackOptions {
  /** What is done while it runs. */
  meanwhile?: () => Promise<void>;
  /** The folder of the fleet that it is on. */
  folder?: string;
  seconds?: number;
}

async function attack(kind: string, count: number, { meanwhile, folder = dir, seconds = 2 }: AttackOptions = {}) {
  const { exited, out } = startCommand([
    'attack',
    kind,
    '--dir',
    folder,
    '--count',
    String(count),
    '--seconds',
    String(seconds),
    '--json',
  ]);
  await meanwhile?.();
  const code = await exited;
  return {
    code,
    said: out(),
    ...(JSON.parse(out()) as { attacker: Record<string, never>; visitors: Record<string, number> }),
  };
}

// How fast visitors are answered is that of a machine with other tests on it: the command's exit code says whether it was enough.
test.each(['slow-headers', 'slow-bodies', 'slow-readers'])(
  'visitors from another address are answered beside %s',
  async (kind) => {
    const { code, said, attacker, visitors } = await attack(kind, 1000);
    expect(attacker.peak, said).toBeGreaterThan(800);
    expect(visitors, said).toMatchObject({ failed: 0 });
    expect(visitors.answered).toBeGreaterThan(20);
    expect(code, said).toBe((visitors.p99 ?? 0) <= 100 ? 0 : 1);
  },
);

test.each(['logins', 'newcomers'])('a flood of %s is limited; others log in, read and write', async (kind) => {
  const { said, attacker, visitors } = await attack(kind, 100);
  expect(Number(attacker.statuses?.['429']), said).toBeGreaterThan(100);
  expect(visitors, said).toMatchObject({ failed: 0 });
});

test('where Redis is nearly full of newcomers, users who are logged in still write, and others log in', async () => {
  const {
    fleet: own,
    dir: folder,
    end: endOwn,
  } = await startServedFleet({
    replicas: 1,
    settings: { SESSION_ANONYMOUS_PERCENT: '50' },
  });
  try {
    await own.redis.configure('maxmemory', '6mb');
    // A busy machine takes more than 2 s for the 2,000 sessions that fit.
    const { said, attacker, visitors } = await attack('newcomers', 1500, { folder, seconds: 4 });
    expect(Number(attacker.statuses?.['503']), said).toBeGreaterThan(100);
    expect(visitors, said).toMatchObject({ failed: 0 });
    expect(visitors.answered).toBeGreaterThan(20);
  } finally {
    await endOwn();
  }
});

test('where visitors are not answered, it fails', async () => {
  const served = async () => (await fleet.replicas()).reduce((sum, one) => sum + (one.requestsServed ?? 0), 0);
  const before = await served();
  const meanwhile = async () => {
    await until(async () => (await served()) > before); // the user is logged in
    for (const number of [1, 2]) await fleet.pause(number);
  };
  const { code, visitors } = await attack('slow-bodies', 10, { meanwhile });
  for (const number of [1, 2]) await fleet.resume(number);
  expect(visitors.failed).toBeGreaterThan(0);
  expect(code).toBe(1);
});
