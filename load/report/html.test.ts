import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { renderHtml } from './html.ts';
import { createSampleReport, type SampleOptions } from '../../test/sample-report.ts';

const reportOf = (options: SampleOptions) => createSampleReport({ seconds: 20, ...options });

test('the verdict comes first, in one sentence', () => {
  const page = renderHtml(reportOf({}));
  expect(page).toMatch(/<main>\s*<article[^>]*>\s*<header class="verdict good">/);
  expect(page).toContain('All 812 sessions survived 6 faults, and no acknowledged write was lost.');
  expect(renderHtml(reportOf({ verdict: 'unknown' }))).toContain(
    'This run proves nothing: no fault was injected, so nothing was at risk.',
  );
});

test('data from users is escaped', () => {
  const evil = `</script><script>alert(1)</script>"'&$&`;
  const report = { ...reportOf({ verdict: 'fail' }), plan: evil, store: evil, environment: { [evil]: evil } };
  for (const fault of report.faults) Object.assign(fault, { fault: evil, targets: [evil], evidence: evil });
  const page = renderHtml(report);
  expect(page).not.toContain('<script>alert');
  expect(page).toContain('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;$&amp;');
  expect(JSON.parse(page.match(/id="data">(.*?)<\/script>/s)?.[1] ?? '')[0].bands[0].fault).toBe(evil);
});

test('its content security policy allows only its own scripts and styles', () => {
  const page = renderHtml(reportOf({}));
  const policy = page.match(/Content-Security-Policy" content="([^"]+)"/)?.[1]?.replaceAll('&#39;', "'");
  const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text as string);
  expect(scripts).toHaveLength(4);
  for (const script of scripts) expect(policy).toContain(createHash('sha256').update(script).digest('base64'));
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-/);
  expect(policy).not.toContain('unsafe');
});

test('every violation is listed, with the number of further ones', () => {
  const page = renderHtml(reportOf({ verdict: 'fail' }));
  expect(page.match(/<details class="violation">/g)).toHaveLength(3 + 100 + 1 + 12);
  expect(page).toContain('and 37 more in the history');
});

test('the commands repeat the run and judge it again', () => {
  const page = renderHtml(reportOf({ store: 'plain' }), { historyFileOf: () => 'a b/history.jsonl' });
  expect(page).toContain('npm run survive -- --plan all --seed 1');
  expect(page).toContain('npm run survive -- --judge &#39;a b/history.jsonl&#39;<');
});

test('several reports are compared first', () => {
  const reports = (['fail', 'fail', 'pass'] as const).map((verdict, index) =>
    reportOf({ verdict, store: ['memory', 'plain', 'durable'][index] as string }),
  );
  const page = renderHtml(reports);
  expect(page).toContain('<h1>Durable passed; memory and plain failed.</h1>');
  expect(page.match(/<details class="run">/g)).toHaveLength(3);
  expect(page).toMatch(
    /data-column="Failed requests" class="number"><div>0 <small>of 10,000<\/small><br><small>plus [\d,]+ excused</,
  );
  expect(page).toContain('Excused: failed during a fault that is allowed to fail requests.');
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('no report is refused', () => {
  expect(() => renderHtml([])).toThrow('there is no report to show');
});
