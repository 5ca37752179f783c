import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import type { FaultRecord } from '../users/history.ts';
import { silent } from './progress.ts';
import type { Step } from './plan.ts';
import { injectFaults } from './inject.ts';

/** A fleet that records its calls. With `isDeaf` its Redis keeps answering, whatever was called. */
function fleetOf({ isDeaf = false, replicas = 3 } = {}) {
  const done: string[] = [];
  const note = (what: string) => async () => void done.push(what);
  const states = Array.from({ length: replicas }, (_, index) => ({
    number: index + 1,
    name: `replica-${index + 1}`,
    state: 'ready',
  }));
  const fleet = {
    replicas: async () => states,
    redis: { kill: note('redis.kill'), start: note('redis.start'), ping: async () => (isDeaf ? 1 : null) },
    network: {
      cut: async (number: number) => void done.push(`cut ${number}`),
      heal: async (number: number) => void done.push(`heal ${number}`),
      ping: async () => null,
    },
    async kill(number: number) {
      done.push(`kill ${number}`);
      Object.assign(states[number - 1] as object, { state: 'down' });
    },
    async restart(number: number) {
      done.push(`restart ${number}`);
      Object.assign(states[number - 1] as object, { state: 'ready' });
    },
  };
  return { fleet: fleet as unknown as Fleet, done };
}

async function apply(
  fleet: Fleet,
  steps: Step[],
  random = () => 0,
  down = new AbortController().signal,
): Promise<FaultRecord[]> {
  const faults: FaultRecord[] = [];
  const [now, ending] = [() => performance.now(), new AbortController().signal];
  await injectFaults({
    fleet,
    steps,
    calmSeconds: 0,
    until: Infinity,
    random,
    now,
    progress: silent,
    ending,
    down,
    faults,
  });
  return faults;
}

describe('a fault that did not land', () => {
  const deaf = { isDeaf: true };
  const steps: Step[] = [
    { fault: 'redis-kill', seconds: 0, with: [{ fault: 'kill-replica', after: 5 }] },
    { fault: 'roll' },
  ];

  test('is healed all the same, and its error is reported', async () => {
    const { fleet, done } = fleetOf(deaf);
    const [record] = await apply(fleet, steps);
    expect(done).toEqual(['redis.kill', 'redis.start']);
    expect(record).toMatchObject({ targets: ['redis'], evidence: '', problem: 'Redis still answers' });
    expect(record?.end).toBeGreaterThan(record?.start ?? Infinity);
  });

  test('is the last: neither concurrent nor later faults begin', async () => {
    const start = performance.now();
    expect(await apply(fleetOf(deaf).fleet, steps)).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(4000);
  });
});

test('a fault that cannot be healed has no end, and the others are healed', async () => {
  const { fleet, done } = fleetOf();
  const failing = {
    ...fleet,
    restart: (number: number) => (number === 3 ? Promise.reject(new Error('no')) : fleet.restart(number)),
  };
  const [record] = await apply(failing as Fleet, [{ fault: 'kill-all-but-one', seconds: 0 }]);
  expect(done).toEqual(['kill 2', 'kill 3', 'restart 2']);
  expect(record).toMatchObject({ targets: ['replica-2', 'replica-3'], end: null, problem: 'no' });
});

test('two concurrent faults never have the same replica as target', async () => {
  for (let victim = 0; victim < 3; victim++) {
    const { fleet, done } = fleetOf();
    const drawn = () => victim / 3;
    await apply(
      fleet,
      [{ fault: 'cut-replica', seconds: 0.05, with: [{ fault: 'kill-replica', after: 0.01, seconds: 0 }] }],
      drawn,
    );
    const [cut, killed] = [done.find((what) => what.startsWith('cut')), done.find((what) => what.startsWith('kill'))];
    expect(cut?.slice(-1)).not.toBe(killed?.slice(-1));
  }
});

test('a fleet that is taken down ends the fault at once; it is neither healed nor followed by another', async () => {
  const { fleet, done } = fleetOf();
  const start = performance.now();
  const steps: Step[] = [{ fault: 'redis-kill', seconds: 60 }, { fault: 'roll' }];
  const [record, ...others] = await apply(fleet, steps, undefined, AbortSignal.timeout(100));
  expect(performance.now() - start).toBeLessThan(2000);
  expect(done).toEqual(['redis.kill']);
  expect(record).toMatchObject({ end: null, problem: expect.any(String) });
  expect(others).toEqual([]);
});
