import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { type FaultName, faults } from '../faults/index.ts';
import { createRandom } from '../users/random.ts';
import { estimateSeconds, missingCapabilityOf, quick, type Step, stepsOf } from './plan.ts';
import { planNames, plans } from './plans.ts';

const namesIn = (steps: Step[]): string[] =>
  steps.flatMap(({ fault, with: others = [] }) => [fault, ...namesIn(others)]);
const faultNames = Object.keys(faults) as FaultName[];

test.each(faultNames)('%s has a plan of its own, is in "all", "failover" or "machines", and has a target', (name) => {
  expect(namesIn(plans[name].steps)).toEqual([name]);
  expect(namesIn([...plans.all.steps, ...plans.failover.steps, ...plans.machines.steps])).toContain(name);
  expect(['replica', 'fleet', 'redis', 'network', 'nginx']).toContain(faults[name].target);
});

test.each(planNames)('%s is described in one line', (name) => {
  expect(plans[name].about).toMatch(/^[^\n]{10,120}$/);
});

test('the same seed draws the same faults, another seed draws others', () => {
  const draw = (seed: number) => {
    const steps = stepsOf(plans.random, createRandom(seed));
    return Array.from({ length: 20 }, () => steps.next().value);
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1).map((step) => step?.fault)).size).toBeGreaterThan(8);
});

test('the quick form has the same faults for a shorter time', () => {
  const short = quick(plans.all);
  expect(namesIn(short.steps)).toEqual(namesIn(plans.all.steps));
  expect(short.calmSeconds).toBeLessThan(plans.all.calmSeconds);
});

test('the estimate of a run counts each fault, the calm around it, and its change; a plan that draws has its own length', () => {
  expect(estimateSeconds(plans['kill-replica'])).toBe(Math.round(3 + 3 + 2 + 3.5));
  expect(estimateSeconds(plans.random)).toBe(120);
  expect(estimateSeconds({ ...plans['kill-replica'], seconds: 60 })).toBe(60);
});

describe('what a fleet does not support is named', () => {
  const fleet = { driver: 'compose', redis: {}, network: { cut() {}, heal() {} } } as unknown as Fleet;
  const unsupported = 'not supported by the compose fleet:';

  test.each([
    ['redis-slow-disk', `${unsupported} slowing Redis's disk`],
    ['redis-disk-full', `${unsupported} filling Redis's disk`],
    ['delay-redis', `${unsupported} delaying the traffic between replicas and Redis`],
    ['reset-redis', `${unsupported} resetting the connections to Redis`],
    ['cut-replica', undefined],
    ['kill-replica', undefined],
  ] as const)('%s', (fault, reason) => {
    expect(missingCapabilityOf({ fault }, fleet)).toBe(reason);
    // A pair needs the capabilities of both.
    expect(missingCapabilityOf({ fault: 'kill-replica', with: [{ fault }] }, fleet)).toBe(reason);
  });
});
