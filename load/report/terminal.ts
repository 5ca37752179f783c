import type { FaultFigures } from '../checks/judgement.ts';
import type { Report } from './json.ts';

const shownViolations = 3;

/** The verdict and what it rests on, for people to read. */
export function renderTerminal(report: Report): string {
  const { plan, store, driver, users, seed, background, replicas, skipped, interrupted } = report;
  const { requests, checked, latencyMs, shares, checks, faults, longestStallMs } = report;
  const count = (name: string) => checks.find((check) => check.name === name)?.count ?? 0;
  const excused = requests.excused > 0 ? `, ${requests.excused} more while a fault lasted that may cost them` : '';
  const repeated = requests.reconnected > 0 ? `, ${requests.reconnected} repeated on a new connection` : '';
  const rows: [string, string][] = [
    ['requests', `${requests.total} by users: ${requests.failed} failed${excused}${repeated}`],
    ...(background
      ? [
          [
            'background load',
            `${background.answered + background.failed} requests: ${background.failed} failed; no part of the proof`,
          ] as [string, string],
        ]
      : []),
    [
      'latency',
      `p50 ${ms(latencyMs.p50)}, p90 ${ms(latencyMs.p90)}, p99 ${ms(latencyMs.p99)}, longest ${ms(latencyMs.max)}`,
    ],
    ['longest stall', `${ms(longestStallMs)} without a success`],
    ['share', renderShares(shares)],
    [
      'sessions',
      `${checked.sessions} looked at, ${count('lost-session')} lost, ${count('undone-logout')} logouts undone, ${count('leak')} leaks`,
    ],
    ['acknowledged writes', `${checked.writes} looked for, ${count('lost-write')} lost`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    '',
    `${plan}: store ${store}, ${driver} fleet of ${replicas.length}, ${users} users, seed ${seed}${interrupted ? ', ended before its time' : ''}`,
    ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
    ...(faults.length > 0 ? ['', ...renderFaults(faults)] : []),
    ...skipped.map(({ fault, why }) => `  left out: ${fault}, ${why}`),
    ...renderViolations(report),
    '',
    renderVerdict(report),
  ].join('\n');
}

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

function renderShares(shares: Record<string, number>): string {
  const answered = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const parts = Object.entries(shares).map(([name, served]) => `${name} ${((100 * served) / answered).toFixed(1)} %`);
  return parts.length > 8 ? `${parts.slice(0, 8).join(', ')}, … (${parts.length} in all)` : parts.join(', ');
}

function renderFaults(faults: FaultFigures[]): string[] {
  const width = Math.max(...faults.map(({ fault }) => fault.length));
  return faults.map(({ fault, start, end, landed, problem, requests, failed, stallMs, slowestMs }) => {
    const when = `${(start / 1000).toFixed(1)}–${end === null ? '?' : (end / 1000).toFixed(1)} s`;
    const what = problem === undefined ? landed : `${landed} ${landed === '' ? '' : '; '}${problem}`;
    return `  ${fault.padEnd(width)}  ${when.padEnd(13)}  ${what}; ${requests} requests, ${failed} failed, stall ${ms(stallMs)}, slowest ${ms(slowestMs)}`;
  });
}

function renderViolations({ checks }: Report): string[] {
  const shown = checks.flatMap(({ title, count, violations }) => {
    if (count === 0) return [];
    return [
      `  ${count} ${title}:`,
      ...violations.slice(0, shownViolations).map(({ words }) => `  - ${words}`),
      ...(count > shownViolations ? [`  - … and ${count - shownViolations} more`] : []),
    ];
  });
  return shown.length > 0 ? ['', 'What users were told, and what they found:', ...shown] : [];
}

function renderVerdict({ verdict, reasons, checked, faults }: Report): string {
  if (verdict === 'pass') {
    const faced = `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`;
    return `PASS: all ${checked.sessions} sessions survived ${faced}, and nothing that was acknowledged was lost`;
  }
  if (verdict === 'fail') return `FAIL: ${reasons.join(', ')}`;
  return `UNKNOWN: ${reasons.join('; ')}`;
}
