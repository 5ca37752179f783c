import { renderMarkdownTable } from '../../web/markdown.ts';
import type { Report } from './json.ts';

/** The checks that stores are compared by, with the titles of their columns. */
const compared: [check: string, title: string][] = [
  ['lost-session', 'sessions lost'],
  ['lost-write', 'acknowledged writes lost'],
  ['stale-read', 'stale reads'],
  ['undone-logout', 'logouts undone'],
  ['failed-request', 'failed requests'],
  ['false-success', 'false successes'],
];

/** The columns of a comparison, in the README and on the page. */
export const titles = ['store', 'verdict', ...compared.map(([, title]) => title), 'longest stall'];

export interface Counts {
  count: number;
  /** 0 if there was nothing to check. */
  checked: number;
  excused: number;
}

/** The cells between the verdict and the longest stall. */
export function countsOf({ checks, requests }: Report): Counts[] {
  return compared.map(([name]) => {
    const { count = 0, checked = 0 } = checks.find((check) => check.name === name) ?? {};
    return { count, checked, excused: name === 'failed-request' ? requests.excused : 0 };
  });
}

export const aboutExcused =
  '_Excused_: failed during a fault that is allowed to fail requests. A 503 beats a false success.';

/** The stores side by side, as a Markdown table and a line about the run. */
export function renderMarkdown(reports: Report[], command: string): string {
  const rows = reports.map((report) => {
    const cells = countsOf(report).map(({ count, checked, excused }) => {
      return `${count} of ${checked}${excused > 0 ? ` (plus ${excused} excused)` : ''}`;
    });
    return [`\`${report.store}\``, report.verdict, ...cells, `${Math.round(report.longestStallMs)} ms`];
  });
  return `${renderMarkdownTable(titles, rows)}\n\n(\`${command}\`. ${aboutExcused})`;
}
