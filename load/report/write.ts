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
 * Writes report.json, junit.xml and index.html of a run into a folder, which is created if missing. The page expects the
 * history beside them, as history.jsonl.
 *
 * @returns their paths @throws {Error} of the file system
 */
export function writeReports(folder: string, report: Report): ReportFiles {
  return {
    json: write(folder, 'report.json', `${JSON.stringify(report)}\n`),
    junit: write(folder, 'junit.xml', toJUnit(report)),
    html: write(folder, 'index.html', renderHtml(report, { historyFileOf: () => historyIn(folder) })),
  };
}

/**
 * Writes index.html, which shows several reports side by side, into a folder, which is created if missing. The page expects
 * each history in a folder there that is named after its store.
 *
 * @returns its path @throws {Error} of the file system, or without a report
 */
export function writeComparison(folder: string, reports: Report[]): { html: string } {
  const historyFileOf = ({ store }: Report) => historyIn(path.join(folder, store));
  return { html: write(folder, 'index.html', renderHtml(reports, { historyFileOf })) };
}

/** Relative to the folder where the command was run. */
function historyIn(folder: string): string {
  return path.relative('', path.join(folder, 'history.jsonl'));
}

function write(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return file;
}
