import { describe, expect, test } from 'vitest';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { faults, lackOf, type Plan, plans, quick, type Step, stepsOf } from './plan.ts';
import { createRandom } from './random.ts';

const named = (name: string) => plans[name] as Plan;
const namesIn = (steps: Step[]): string[] =>
  steps.flatMap(({ fault, with: others = [] }) => [fault, ...namesIn(others)]);

test('every fault has a plan of its own, and is in "all"', () => {
  const all = new Set(namesIn(named('all').steps));
  for (const name of Object.keys(faults)) {
    expect(namesIn(named(name).steps)).toEqual([name]);
    expect(all).toContain(name);
  }
});

test('plans name faults that there are, and tell in one line what they do', () => {
  for (const { about, steps } of Object.values(plans)) {
    expect(about).toMatch(/^[^\n]{10,120}$/);
    for (const name of namesIn(steps)) expect(faults).toHaveProperty([name]);
  }
});

test('the same seed draws the same faults, another seed others', () => {
  const draw = (seed: number) => {
    const steps = stepsOf(named('random'), createRandom(seed));
    return Array.from({ length: 20 }, () => steps.next().value);
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1).map((step) => step?.fault)).size).toBeGreaterThan(8);
});

test('the short form has the same faults, for a shorter time', () => {
  const [long, short] = [named('all'), quick(named('all'))];
  expect(namesIn(short.steps)).toEqual(namesIn(long.steps));
  expect(short.calmSeconds).toBeLessThan(long.calmSeconds);
});

describe('what a fleet lacks is said', () => {
  const fleet = { driver: 'compose', redis: {}, links: { cut() {}, heal() {} } } as unknown as Fleet;

  test.each([
    ['redis-slow-disk', 'a hand on the disk of Redis'],
    ['delay-redis', 'a way to slow what passes between the replicas and Redis'],
    ['reset-redis', 'a way to reset what is open between the replicas and Redis'],
    ['cut-replica', undefined],
    ['kill-replica', undefined],
  ])('%s', (fault, lack) => {
    expect(lackOf({ fault }, fleet)).toBe(lack);
    // A pair needs what both need.
    expect(lackOf({ fault: 'kill-replica', with: [{ fault }] }, fleet)).toBe(lack);
  });
});
