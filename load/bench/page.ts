import { readFileSync } from 'node:fs';
import { capitalize } from '../../web/format.ts';
import { type Html, html } from '../../web/html.ts';
import type { Plot, Result, Table } from './bench.ts';

const size = { label: 330, bars: 520, row: 30, value: 150 };
const css = new URL('../../web/base.css', import.meta.url);

/** A page of one file that needs no network: the plots of each comparison, then what was to be reached. */
export function renderBenchPage(results: { about: string; result: Result }[]): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bench</title>
<style>${readFileSync(css, 'utf8')}
main { max-width: 70rem; margin-inline: auto; padding: 1rem clamp(1rem, 4vw, 2.5rem) 3rem }
table { border-collapse: collapse; margin-block: 1rem; font-size: 0.85rem } th, td { padding: 0.25rem 0.75rem 0.25rem 0; text-align: left }
.wide { overflow-x: auto }
svg { width: 100%; height: auto; font: 14px system-ui, sans-serif }
text { fill: var(--text) } .bar { fill: var(--series-1) } .range { stroke: var(--text); stroke-width: 1.5 }
</style>
</head>
<body><main>
<h1>Bench</h1>
<p>Bars are medians of all rounds, lines the smallest and the largest.</p>
${results.map(
  ({ about, result }) => html`<h2>${capitalize(about)}</h2>
${(result.plots ?? []).map(renderPlot)}
${result.tables.map(renderTable)}
<ul>${result.notes.map((note) => html`<li>${note}</li>`)}</ul>`,
)}
</main></body>
</html>
`;
  return page.text;
}

function renderTable({ columns, rows }: Table): Html {
  return html`<div class="wide"><table><thead><tr>${columns.map((title) => html`<th>${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

function renderPlot({ title, unit, bars }: Plot): Html {
  const most = Math.max(...bars.map(({ spread }) => spread?.max ?? 0));
  const height = bars.length * size.row + 8;
  const width = size.label + size.bars + size.value;
  return html`<section><h3>${title}</h3>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${bars.map((bar, index) =>
    renderBar(bar, index * size.row, most, unit),
  )}</svg></section>`;
}

function renderBar({ label, spread }: Plot['bars'][number], top: number, most: number, unit: string): Html {
  const x = (value: number) => (size.label + (size.bars * value) / most).toFixed(1);
  const middle = top + size.row / 2;
  const name = html`<text x="${size.label - 10}" y="${middle + 5}" text-anchor="end">${label}</text>`;
  if (!spread) return html`${name}<text x="${size.label}" y="${middle + 5}">not reported by this system</text>`;
  return html`${name}<rect class="bar" x="${size.label}" y="${top + 5}" width="${((size.bars * spread.median) / most).toFixed(1)}" height="${size.row - 10}" rx="3"></rect>
<line class="range" x1="${x(spread.min)}" x2="${x(spread.max)}" y1="${middle}" y2="${middle}"></line>
<text x="${Number(x(spread.max)) + 8}" y="${middle + 5}">${Math.round(spread.median).toLocaleString('en-US')} ${unit}</text>`;
}
