import { aboutExcused, countsOf, titles } from './compared.ts';
import type { Report } from './json.ts';

/** The stores side by side, as a Markdown table and a line about the run. */
export function renderComparison(reports: Report[], command: string): string {
  const rows = reports.map((report) => {
    const cells = countsOf(report).map(({ count, checked, excused }) => {
      return `${count} of ${checked}${excused > 0 ? ` (${excused} more excused)` : ''}`;
    });
    return [`\`${report.store}\``, report.verdict, ...cells, `${Math.round(report.longestStallMs)} ms`];
  });
  const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(titles), rule, ...rows.map(line), '', `(\`${command}\`. ${aboutExcused})`].join('\n');
}

export const markers = ['<!-- compare: written by npm run compare -->', '<!-- /compare -->'] as const;

/** @throws {Error} where the text does not have both markers */
export function replaceBetweenMarkers(text: string, table: string): string {
  const [begin, end] = markers.map((marker) => text.indexOf(marker)) as [number, number];
  if (begin < 0 || end < begin) throw new Error(`the file needs the markers ${markers.join(' and ')}, in this order`);
  return `${text.slice(0, begin + markers[0].length)}\n\n${table}\n\n${text.slice(end)}`;
}
