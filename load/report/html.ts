import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mostViolations } from '../checks/judgement.ts';
import type { Report } from './json.ts';
import { Html, html, jsonForScript } from './markup.ts';
import { renderComparison } from './sections/comparison.ts';
import { renderReport } from './sections/report.ts';
import { icon, type Place } from './sections/section.ts';
import { plotData } from './sections/timeline.ts';
import { signs } from './sections/verdict.ts';

/** In a comparison each report shows so many violations of a check: the page is to stay small. */
const mostCompared = 20;

export interface HtmlOptions {
  /** Where a report's history stands, for the command that judges it again; report/history.jsonl where it is not said. */
  historyFileOf?(report: Report): string;
}

/**
 * The page of one run, or of several runs of the same plans side by side: one file that asks the network for nothing.
 *
 * @throws {Error} where there is no report
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
    return { id: `run-${index + 1}`, level, mostViolations: all.length === 1 ? mostViolations : mostCompared };
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

/** A link to what is in them opens them, without a script. */
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
    ...['base.css', 'verdict.css', 'tables.css', 'plots.css', 'details.css'].map(inPage),
  ],
  scripts: ['bands.js', 'plots.js', 'page.js'].map(inPage),
};

function read(file: string | URL): string {
  return readFileSync(file, 'utf8');
}

/** Allows just this text, whatever else finds its way into the page. */
function sourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
