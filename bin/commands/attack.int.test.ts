import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { startCommand } from '../../test/fleet.ts';
import { startServedFleet } from '../../test/control-room.ts';

let fleet: Fleet;
let dir: string;
let end: () => Promise<unknown>;
beforeAll(async () => {
  ({ fleet, dir, end } = await startServedFleet({ replicas: 2, env: { ...process.env, NGINX_MODE: 'production' } }));
});
afterAll(() => end());

async function attack(kind: string, count: number) {
  const { exited, out } = startCommand([
    'attack',
    kind,
    '--dir',
    dir,
    '--count',
    String(count),
    '--seconds',
    '2',
    '--json',
  ]);
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

test('a flood of logins is limited', async () => {
  const { said, attacker } = await attack('logins', 100);
  expect(Number(attacker.statuses?.['429']), said).toBeGreaterThan(100);
});

test('where visitors are not answered, it fails', async () => {
  for (const number of [1, 2]) await fleet.pause(number);
  const { code, visitors } = await attack('slow-bodies', 10);
  for (const number of [1, 2]) await fleet.resume(number);
  expect(visitors.failed).toBeGreaterThan(0);
  expect(code).toBe(1);
});
