import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { toReport } from './json.ts';
import { createSample, createSampleReport } from '../../test/sample-report.ts';
import { writeComparison, writeReports } from './write.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('300,000 requests are reported in less than 2 s, on a page of less than 1.5 MB', () => {
  const { history, judgement } = createSample({ verdict: 'fail', seconds: 600 });
  const start = performance.now();
  const { json, junit, html } = writeReports(path.join(folder, 'a', 'b'), toReport(history, judgement));
  expect(performance.now() - start).toBeLessThan(2000);
  expect(statSync(html).size).toBeLessThan(1_500_000);
  expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ verdict: 'fail', seed: history.seed });
  expect(readFileSync(junit, 'utf8')).toContain('</testsuites>');
  expect(readFileSync(html, 'utf8')).toContain(`${path.join('a', 'b', 'history.jsonl')}</code>`);
});

test('a comparison is written and links to its histories', () => {
  const report = createSampleReport({ seconds: 10 });
  const { html } = writeComparison(folder, [report, { ...report, store: 'plain' }]);
  expect(readFileSync(html, 'utf8')).toContain(`${path.join('plain', 'history.jsonl')}</code>`);
});

test('errors of the file system are thrown', () => {
  const report = createSampleReport({ seconds: 1 });
  expect(() => writeReports('/dev/null/report', report)).toThrow('ENOTDIR');
});
