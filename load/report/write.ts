import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderHtml } from './html.ts';
import type { Report } from './json.ts';
import { toJUnit } from './junit.ts';

export interface ReportFiles {
  json: string;
  junit: string;
  html: string;
}

/**
 * Writes what a run has shown into a folder, which is made where it is missing: report.json, junit.xml and index.html.
 * Returns where they are. The page takes the history to be beside them, as history.jsonl.
 *
 * @throws {Error} what the file system says
 */
export function writeReports(folder: string, report: Report): ReportFiles {
  return {
    json: write(folder, 'report.json', `${JSON.stringify(report)}\n`),
    junit: write(folder, 'junit.xml', toJUnit(report)),
    html: write(folder, 'index.html', renderHtml(report, { historyFileOf: () => historyIn(folder) })),
  };
}

/**
 * Writes index.html, which shows several reports side by side, into a folder, which is made where it is missing. Returns
 * where it is. The page takes each history to be in a folder there that is named after its store.
 *
 * @throws {Error} what the file system says, and where there is no report
 */
export function writeComparison(folder: string, reports: Report[]): { html: string } {
  const historyFileOf = ({ store }: Report) => historyIn(path.join(folder, store));
  return { html: write(folder, 'index.html', renderHtml(reports, { historyFileOf })) };
}

/** As somebody types it who stands where the command was run. */
function historyIn(folder: string): string {
  return path.relative('', path.join(folder, 'history.jsonl'));
}

function write(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return file;
}
