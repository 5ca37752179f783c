import { expect, test } from 'vitest';
import { judge } from './checks/judge.ts';
import { silent } from './live.ts';
import { visitors } from './mix.ts';
import { withRunFleet } from './own-fleet.ts';
import { type Plan, plans } from './plan.ts';
import { runPlan } from './run.ts';

test('a run that breaks off has a history all the same, and no verdict but unknown', async () => {
  const ending = new AbortController().signal;
  const own = { replicas: 1, store: 'durable', env: process.env };
  const broken: Plan = { ...(plans['kill-replica'] as Plan), steps: [{ fault: 'no-such-fault' }], calmSeconds: 1 };
  const users = { users: 20, rate: 100, background: 50, mix: visitors, seed: 1, command: '' };
  const history = await withRunFleet(own, ending, (fleet) =>
    runPlan({ fleet, name: 'broken', plan: broken, ...users, live: silent, ending }),
  );
  expect(history?.problem).toContain('no-such-fault');
  expect(history?.operations.length).toBeGreaterThan(20);
  const judgement = history && judge(history);
  expect(judgement?.verdict).toBe('unknown');
  expect(judgement?.reasons[0]).toContain('the run broke off');
});
