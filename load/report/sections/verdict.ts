import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { maxReasons, headlineOf } from '../headline.ts';
import { formatNumber, joinWords } from '../../../web/format.ts';
import { overloadOf } from '../overload.ts';
import { icon, type Place, type Sign } from './section.ts';

export const signs: Record<Report['verdict'], Sign> = { pass: 'good', fail: 'bad', unknown: 'unknown' };

/** The verdict in large type, in one sentence, and the facts of the run. */
export function renderVerdict(report: Report, { id, level }: Place): Html {
  const { verdict, reasons, interrupted } = report;
  const overload = overloadOf(report);
  const title = html`${icon(signs[verdict])}<span>${verdict.toUpperCase()}</span>`;
  return html`
    <header class="verdict ${signs[verdict]}">
      ${level === 1 ? html`<h1 id="${id}-verdict">${title}</h1>` : html`<h2 id="${id}-verdict">${title}</h2>`}
      <p class="sentence">${headlineOf(report)}</p>
      ${reasons.length > maxReasons && html`<ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
      ${verdict === 'fail' && overload && html`<p class="overload">${overload}</p>`}
      ${interrupted && html`<p class="interrupted">This run was interrupted.</p>`}
      ${renderFacts(report)}
    </header>`;
}

function renderFacts({ plan, store, driver, replicas, users, seconds, startedAt }: Report): Html {
  const facts: [string, Html | string][] = [
    ['Plan', plan],
    ['Store', store],
    ['Fleet', driver],
    ['Replicas', html`<span title="${joinWords(replicas)}">${formatNumber(replicas.length)}</span>`],
    ['Users', formatNumber(users)],
    ['Length', `${formatNumber(Math.round(seconds * 10) / 10)} s`],
    ['When', html`<time datetime="${startedAt}">${startedAt.slice(0, 16).replace('T', ' ')} UTC</time>`],
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
