import path from 'node:path';
import { expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { withTemporaryFleet } from '../../deploy/fleet/local/temporary.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import { runCheckedLoad } from '../../load/run/checked-load.ts';
import { silent } from '../../load/run/progress.ts';
import { startServedFleet } from '../../test/control-room.ts';
import { makeDir, startCommand } from '../../test/fleet.ts';

const kill = ['--kill', '2@1', '--seconds', '4', '--connections', '8', '--json'];

async function load(args: string[]) {
  const { dir, remove } = makeDir();
  const { exited, out, child } = startCommand(['load', '--dir', dir, ...args]);
  const code = await exited.finally(() => child.kill('SIGKILL'));
  remove();
  return { code, out: out() };
}

test('a replica is killed under autocannon: with the durable store every session stays intact, and it serves again', async () => {
  const { code, out } = await load(kill);
  const result = JSON.parse(out);
  expect(code, out).toBe(0);
  expect(result).toMatchObject({
    store: 'durable',
    sessions: 8,
    sessionsIntact: 8,
    failed: 0,
    wrongUser: 0,
    loggedOut: 0,
  });
  expect(result.events).toEqual([{ second: 1, about: 'replica-2 is killed' }]);
  expect(result.perSecond).toHaveLength(4);
  expect(Object.keys(result.shares.before).sort()).toEqual(['replica-1', 'replica-2', 'replica-3']);
  expect(Object.keys(result.shares.after).sort()).toEqual(['replica-1', 'replica-3']);
});

test('with the memory store sessions are lost, and the exit code says so', async () => {
  const { code, out } = await load([...kill.slice(0, -1), '--store', 'memory']);
  expect(code, out).toBe(1);
  expect(out).toMatch(/sessions +0 of 8 intact/);
  expect(out).toMatch(/as logged out/);
  expect(out).toContain('FAIL: 8 sessions lost, 0 requests failed.');
  expect(out).toContain('a 1 s: replica-2 is killed');
});

test('each replica and Redis are restarted: 503 is excused only while Redis is away', async () => {
  const { code, out } = await load(['--restart-all', '1', '--restart-redis', '6', '--seconds', '8', '--json']);
  const result = JSON.parse(out);
  expect(code, out).toBe(0);
  expect(result).toMatchObject({ sessions: 32, sessionsIntact: 32, failed: 0, loggedOut: 0 });
  expect(result.events.map(({ about }: { about: string }) => about)).toEqual([
    'each replica is restarted',
    'Redis is restarted',
  ]);
});

test('a Redis that comes back only after the load is no loss', async () => {
  const never = new AbortController().signal;
  const starting: Promise<void>[] = [];
  const apply = async ({ redis }: Fleet) => {
    await redis.kill();
    starting.push(pause(2000).then(() => redis.start()));
  };
  const steps = [{ about: 'Redis is killed', at: 1, stopsRedis: true, apply }];
  const result = await withTemporaryFleet({ replicas: 2, env: process.env }, never, (fleet) =>
    runCheckedLoad({ fleet, seconds: 2, connections: 8, path: '/profile', steps, progress: silent, ending: never }),
  );
  await Promise.all(starting);
  expect(result).toMatchObject({ sessions: 8, sessionsIntact: 8, wrongUser: 0 });
});

test('a replica that answers for another user is found, though each of its responses is 200', async () => {
  const never = new AbortController().signal;
  const mutant = { main: path.resolve('test/mutants/replica.ts'), settings: { MUTANT: 'leak' } };
  const result = await withTemporaryFleet({ replicas: 2, env: process.env, ...mutant }, never, (fleet) =>
    runCheckedLoad({ fleet, seconds: 2, connections: 8, path: '/profile', steps: [], progress: silent, ending: never }),
  );
  expect(result).toMatchObject({ failed: 0, loggedOut: 0 });
  expect(result?.wrongUser).toBeGreaterThan(0);
  expect(result?.sessionsIntact).toBeLessThan(8);
});

test('it reads from the fleet that is up, and what cannot be done is refused at once', async () => {
  const { dir, fleet, end } = await startServedFleet({ replicas: 3 });
  const stateOf = async () => (await fleet.replicas()).map(({ state }) => state);
  const at = async (...args: string[]) => {
    const { exited, out } = startCommand(['load', '--dir', dir, '--seconds', '1', '--connections', '2', ...args]);
    return { code: await exited, out: out() };
  };
  expect(await at()).toMatchObject({ code: 0, out: expect.stringContaining('PASS') });
  expect(await at('--path', '/cart')).toMatchObject({ code: 0 });
  await fleet.kill(3);
  expect(await at('--kill', '2@0')).toMatchObject({ code: 0, out: expect.stringContaining('replica-2 is killed') });
  expect(await stateOf()).toEqual(['ready', 'ready', 'down']); // the one that it killed itself is back
  for (const [args, message] of [
    [['--store', 'memory'], 'the fleet that is up has the durable store'],
    [['--kill', '7'], 'there is no replica 7'],
    [['--kill', '2@5'], 'second 5 is not within the 1 s of this run'],
    [['--kill', 'two'], 'It must be the number of a replica'],
  ] as const)
    expect(await at(...args)).toMatchObject({ code: 1, out: expect.stringContaining(message) });
  await end();
});
