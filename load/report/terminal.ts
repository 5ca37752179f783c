import type { Judgement } from '../checks/judge.ts';
import type { History } from '../history.ts';

const shownViolations = 3;

/** The verdict and what it rests on, for people to read. */
export function renderReport(history: History, judgement: Judgement): string {
  const { plan, store, driver, users, seed, faults, background, replicas } = history;
  const { requests, sessions, writes, latencyMs, shares, violations } = judgement;
  const excused = requests.excused > 0 ? `, ${requests.excused} more while a fault lasted that may cost requests` : '';
  const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  const answered = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const share = Object.entries(shares).map(([name, served]) => `${name} ${((100 * served) / answered).toFixed(1)} %`);
  const rows: [string, string][] = [
    ['requests', `${requests.total} by users: ${requests.failed} failed${excused}`],
    ['background load', `${background.answered + background.failed} requests: ${background.failed} failed`],
    [
      'latency',
      `p50 ${ms(latencyMs.p50)}, p90 ${ms(latencyMs.p90)}, p99 ${ms(latencyMs.p99)}, longest ${ms(latencyMs.max)}`,
    ],
    ['longest stall', `${ms(judgement.longestStallMs)} without a success`],
    ['share', share.join(', ')],
    ...faults.map(({ fault, landed, start, end }): [string, string] => {
      const healed = end === null ? 'never healed' : `whole again at ${(end / 1000).toFixed(1)} s`;
      return [fault, `at ${(start / 1000).toFixed(1)} s: ${landed}; ${healed}`];
    }),
    ['sessions', `${sessions.checked} checked, ${sessions.lost} lost, ${sessions.leaked} answered as somebody else`],
    ['acknowledged writes', `${writes.checked} checked, ${writes.lost} lost`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const shown = Object.values(violations).flatMap((list) => [
    ...list.slice(0, shownViolations).map(({ words }) => `  - ${words}`),
    ...(list.length > shownViolations ? [`  - … and ${list.length - shownViolations} more of these`] : []),
  ]);
  return [
    '',
    `${plan}: store ${store}, ${driver} fleet of ${replicas.length}, ${users} users, seed ${seed}`,
    ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
    ...(shown.length > 0 ? ['', 'What users were told, and what they found:', ...shown] : []),
    '',
    renderVerdict(judgement),
  ].join('\n');
}

function renderVerdict({ verdict, reasons, sessions }: Judgement): string {
  if (verdict === 'pass')
    return `PASS: all ${sessions.checked} sessions survived, and nothing that was acknowledged was lost`;
  if (verdict === 'fail') return `FAIL: ${reasons.join(', ')}`;
  return `UNKNOWN: ${reasons.join('; ')}`;
}
