import { formatDuration, formatMoment, formatNumber, plural, wrap } from '../../web/format.ts';
import type { FaultStats } from '../checks/judgement.ts';
import { headlineOf } from './headline.ts';
import type { Report } from './json.ts';
import { overloadOf } from './overload.ts';

/** How text is shown: `style` colours it, or returns it as it is; no line is longer than `width`. */
export interface TerminalStyle {
  style(format: 'green' | 'red' | 'yellow' | 'bold' | 'dim', text: string): string;
  width: number;
}

const maxViolations = 3;
const maxShares = 8;

/** The verdict and what it rests on, for people to read. */
export function renderTerminal(report: Report, { style, width }: TerminalStyle): string {
  const { plan, store, driver, users, seed, replicas, skipped, interrupted, verdict, faults } = report;
  const end = interrupted ? ', interrupted' : '';
  const title = `${plan}: ${store} store, ${driver} fleet of ${replicas.length}, ${users} users, seed ${seed}${end}`;
  const overload = overloadOf(report);
  const rows = rowsOf(report);
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  const indent = ' '.repeat(nameWidth + 4);
  const colour = ({ pass: 'green', fail: 'red', unknown: 'yellow' } as const)[verdict];
  return [
    '',
    wrap(style('bold', title), width),
    ...rows.map(([name, text]) => wrap(`  ${name.padEnd(nameWidth)}  ${text}`, width, indent)),
    ...(faults.length > 0 ? ['', ...renderFaults(faults, width)] : []),
    ...skipped.map(({ fault, reason }) => wrap(`  skipped: ${fault}, ${reason}`, width, '    ')),
    ...renderViolations(report, width),
    '',
    wrap(`${style(colour, verdict.toUpperCase())}: ${headlineOf(report)}`, width),
    ...(verdict === 'fail' && overload ? [wrap(overload, width)] : []),
  ].join('\n');
}

function rowsOf(report: Report) {
  const { requests, backgroundLoad, latencyMs, longestStallMs, longestExcusedStallMs, shares, checked, checks } =
    report;
  const count = (name: string) => checks.find((check) => check.name === name)?.count ?? 0;
  const excused = requests.excused > 0 ? `, plus ${formatNumber(requests.excused)} excused (during a fault)` : '';
  const repeated =
    requests.reconnected > 0 ? `, ${formatNumber(requests.reconnected)} repeated on a new connection` : '';
  const background = backgroundLoad && backgroundLoad.answered + backgroundLoad.failed;
  const excusedStall =
    longestExcusedStallMs > 0 ? `, plus ${formatDuration(longestExcusedStallMs)} excused (during a fault)` : '';
  const again =
    checked.notCheckedAgain > 0 ? `; ${formatNumber(checked.notCheckedAgain)} could not be checked again` : '';
  const { p50, p90, p99, max } = latencyMs;
  const rows: [name: string, text: string][] = [
    [
      'requests',
      `${formatNumber(requests.total)} by users: ${formatNumber(requests.failed)} failed${excused}${repeated}`,
    ],
    [
      'latency',
      `p50 ${formatDuration(p50)}, p90 ${formatDuration(p90)}, p99 ${formatDuration(p99)}, max ${formatDuration(max)}`,
    ],
    ['longest stall', `${formatDuration(longestStallMs)} without a success${excusedStall}`],
    ['share', renderShares(shares)],
    [
      'sessions',
      `${formatNumber(checked.sessions)} checked: ${count('lost-session')} lost, ${plural(count('undone-logout'), 'logout')} undone, ${plural(count('leak'), 'leak')}${again}`,
    ],
    ['acknowledged writes', `${formatNumber(checked.writes)} verified, ${count('lost-write')} lost`],
  ];
  if (background !== null && backgroundLoad)
    rows.splice(1, 0, [
      'background load',
      `${formatNumber(background)} requests, ${backgroundLoad.failed} failed (not counted)`,
    ]);
  return rows;
}

function renderShares(shares: Record<string, number>): string {
  const answered = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const parts = Object.entries(shares).map(([name, served]) => `${name} ${((100 * served) / answered).toFixed(1)} %`);
  if (parts.length <= maxShares) return parts.join(', ');
  return `${parts.slice(0, maxShares).join(', ')}, … (${parts.length} in total)`;
}

/** A table of the faults; under each its evidence. */
function renderFaults(faults: FaultStats[], width: number): string[] {
  const head = ['fault', 'time', 'requests', 'failed', 'stall', 'slowest'];
  const rows = faults.map(({ fault, start, end, requests, failed, stallMs, slowestMs }) => [
    fault,
    `${formatMoment(start, 1)} – ${end === null ? 'never healed' : formatMoment(end, 1)}`,
    formatNumber(requests),
    formatNumber(failed),
    formatDuration(stallMs),
    formatDuration(slowestMs),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) =>
    `  ${cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`;
  return [
    line(head),
    ...faults.flatMap(({ evidence, problem }, index) => {
      const proof = [evidence, problem].filter(Boolean).join('; ') || 'no evidence that it landed';
      return [line(rows[index] as string[]), wrap(`    ${proof}`, width, '    ')];
    }),
  ];
}

function renderViolations({ checks }: Report, width: number): string[] {
  const lines = checks.flatMap(({ title, count, violations }) => {
    if (count === 0) return [];
    return [
      `  ${count} ${title}:`,
      ...violations.slice(0, maxViolations).map(({ summary }) => wrap(`  - ${summary}`, width, '    ')),
      ...(count > maxViolations ? [`  - … and ${count - maxViolations} more`] : []),
    ];
  });
  return lines.length > 0 ? ['', 'Violations:', ...lines] : [];
}
