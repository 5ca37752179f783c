import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { maxViolations } from '../checks/judgement.ts';
import type { Report } from './json.ts';
import { Html, html, jsonForScript } from '../../web/html.ts';
import { renderComparison } from './sections/comparison.ts';
import { renderAtRisk } from './sections/at-risk.ts';
import { renderChecks } from './sections/checks.ts';
import { renderFaults } from './sections/faults.ts';
import { renderOrigin } from './sections/origin.ts';
import { icon, type Place } from './sections/section.ts';
import { renderSummary } from './sections/summary.ts';
import { plotData, renderTimeline } from './sections/timeline.ts';
import { renderVerdict, signs } from './sections/verdict.ts';
import { renderViolations } from './sections/violations.ts';

/** Violations of a check shown per report in a comparison, so that the page stays small. */
const maxCompared = 20;

export interface HtmlOptions {
  /** The history of a report, for the command that judges it again; report/history.jsonl by default. */
  historyFileOf?(report: Report): string;
}

/**
 * The page of one run, or of several runs of the same plans side by side: one file that needs no network.
 *
 * @throws {Error} without a report
 */
export function renderHtml(
  reports: Report | Report[],
  { historyFileOf = () => 'report/history.jsonl' }: HtmlOptions = {},
): string {
  const all = Array.isArray(reports) ? reports : [reports];
  const [first] = all;
  if (!first) throw new Error('there is no report to show');
  const level = all.length === 1 ? 1 : 2;
  const places = all.map((_, index): Place => {
    return { id: `run-${index + 1}`, level, maxViolations: all.length === 1 ? maxViolations : maxCompared };
  });
  const rendered = all.map((report, index) => renderReport(report, places[index] as Place, historyFileOf(report)));
  const data = all.map((report, index) => plotData(report, places[index] as Place));
  return all.length === 1
    ? renderPage(`${first.verdict.toUpperCase()}: ${first.plan} on ${first.store}`, html`${rendered}`, data)
    : renderPage(
        'Stores compared',
        html`${renderComparison(all, (index) => (places[index] as Place).id)}${foldable(all, rendered)}`,
        data,
      );
}

/** One run, the verdict first. */
function renderReport(report: Report, place: Place, historyFile: string): Html {
  return html`
    <article class="report" id="${place.id}" aria-labelledby="${place.id}-verdict">
      ${renderVerdict(report, place)}
      <div class="page">
        ${renderSummary(report)}
        ${renderTimeline(report, place)}
        ${renderFaults(report, place)}
        ${renderChecks(report, place)}
        ${renderViolations(report, place)}
        ${renderAtRisk(report, place)}
        ${renderOrigin(report, place, historyFile)}
      </div>
    </article>`;
}

/** A link to their content opens them, without a script. */
function foldable(reports: Report[], rendered: Html[]): Html[] {
  return reports.map(({ store, plan, verdict }, index) => {
    return html`<details class="run"><summary><span class="run-title">${icon(signs[verdict])}<b>${store}</b> ${plan}: ${verdict.toUpperCase()}</span></summary>${rendered[index]}</details>`;
  });
}

function renderPage(title: string, body: Html, data: unknown): string {
  const style = pageFiles.styles.map(read).join('\n');
  const scripts = [
    `/*\n${read(uplot('LICENSE'))}*/\n${read(uplot('dist/uPlot.iife.min.js'))}`,
    ...pageFiles.scripts.map(read),
  ];
  const policy = [
    "default-src 'none'",
    `style-src ${sourceOf(style)}`,
    `script-src ${scripts.map(sourceOf).join(' ')}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const parts: Record<string, Html> = {
    policy: html`<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    title: html`<title>${title} · unsticky</title>`,
    styles: new Html(`<style>${style}</style>`),
    body,
    data: html`<script type="application/json" id="data">${jsonForScript(data)}</script>`,
    scripts: new Html(scripts.map((script) => `<script>${script}</script>`).join('\n')),
  };
  return read(inPage('page.html')).replace(/<!-- \{(\w+)\} -->/g, (_, name: string) => (parts[name] as Html).text);
}

const require = createRequire(import.meta.url);
const inPage = (name: string) => new URL(`page/${name}`, import.meta.url);
const uplot = (name: string) => require.resolve(`uplot/${name}`);

const pageFiles = {
  styles: [
    uplot('dist/uPlot.min.css'),
    new URL('../../web/base.css', import.meta.url),
    ...['layout.css', 'verdict.css', 'tables.css', 'plots.css', 'details.css'].map(inPage),
  ],
  scripts: ['bands.js', 'plots.js', 'page.js'].map(inPage),
};

function read(file: string | URL): string {
  return readFileSync(file, 'utf8');
}

/** Allows exactly this text, whatever else gets into the page. */
function sourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
