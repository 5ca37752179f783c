import { expect, test } from 'vitest';
import { judge } from '../checks/judge.ts';
import { silent } from './progress.ts';
import { shopping } from '../users/workload.ts';
import { withTemporaryFleet } from '../../deploy/fleet/local/temporary.ts';
import type { Plan } from './plan.ts';
import { plans } from './plans.ts';
import { runPlan } from './run.ts';

test('a run that breaks off still has a history, and its verdict is unknown', async () => {
  const ending = new AbortController().signal;
  const own = { replicas: 1, store: 'durable', env: process.env };
  const plan: Plan = { ...plans['kill-replica'], calmSeconds: 1 };
  const progress = {
    ...silent,
    report(line: string) {
      if (line.startsWith('kill-replica')) throw new Error('no terminal');
    },
  };
  const users = { users: 20, rate: 100, background: 50, workload: shopping, seed: 1, command: '' };
  const history = await withTemporaryFleet(own, ending, (fleet) =>
    runPlan({ fleet, name: 'broken', plan, ...users, progress, ending }),
  );
  expect(history?.problem).toContain('no terminal');
  expect(history?.operations.length).toBeGreaterThan(20);
  const judgement = history && judge(history);
  expect(judgement?.verdict).toBe('unknown');
  expect(judgement?.reasons[0]).toContain('the run broke off');
});
