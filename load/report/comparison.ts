import type { Report } from './json.ts';

/** The columns: what is counted, and of how many where that says something. */
const columns = ['lost-session', 'lost-write', 'stale-read', 'undone-logout', 'failed-request', 'false-success'];
const titles = [
  'store',
  'verdict',
  'sessions lost',
  'acknowledged writes lost',
  'stale reads',
  'logouts undone',
  'failed requests',
  'false successes',
  'longest stall',
];

/** The stores side by side, as a Markdown table and a line about the run. */
export function renderComparison(reports: Report[], command: string): string {
  const rows = reports.map(({ store, verdict, checks, requests, longestStallMs }) => {
    const cells = columns.map((name) => {
      const { count = 0, checked = 0 } = checks.find((check) => check.name === name) ?? {};
      const excused = name === 'failed-request' ? requests.excused : 0;
      const also = excused > 0 ? ` (${excused} more excused)` : '';
      return `${count} of ${checked}${also}`;
    });
    return [`\`${store}\``, verdict, ...cells, `${Math.round(longestStallMs)} ms`];
  });
  const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [
    line(titles),
    rule,
    ...rows.map(line),
    '',
    `(\`${command}\`. Excused are requests that failed while a fault lasted that may cost them: better a 503 than a false success.)`,
  ].join('\n');
}

export const markers = ['<!-- compare: written by npm run compare -->', '<!-- /compare -->'] as const;

/** @throws {Error} where the text does not have both markers */
export function replaceBetweenMarkers(text: string, table: string): string {
  const [begin, end] = markers.map((marker) => text.indexOf(marker)) as [number, number];
  if (begin < 0 || end < begin) throw new Error(`the file needs the markers ${markers.join(' and ')}, in this order`);
  return `${text.slice(0, begin + markers[0].length)}\n\n${table}\n\n${text.slice(end)}`;
}
