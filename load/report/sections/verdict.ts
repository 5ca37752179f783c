import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { mostReasons, sentenceOf } from '../sentence.ts';
import { count, list } from '../words.ts';
import { icon, type Place, type Sign } from './section.ts';

export const signs: Record<Report['verdict'], Sign> = { pass: 'good', fail: 'bad', unknown: 'unknown' };

/** The verdict, large, in one sentence, and what it is about. */
export function renderVerdict(report: Report, { id, level }: Place): Html {
  const { verdict, reasons, interrupted } = report;
  const words = html`${icon(signs[verdict])}<span>${verdict.toUpperCase()}</span>`;
  return html`
    <header class="verdict ${signs[verdict]}">
      ${level === 1 ? html`<h1 id="${id}-verdict">${words}</h1>` : html`<h2 id="${id}-verdict">${words}</h2>`}
      <p class="sentence">${sentenceOf(report)}</p>
      ${reasons.length > mostReasons && html`<ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
      ${interrupted && html`<p class="interrupted">Somebody ended this run before its time.</p>`}
      ${renderFacts(report)}
    </header>`;
}

function renderFacts({ plan, store, driver, replicas, users, seconds, startedAt }: Report): Html {
  const facts: [string, Html | string][] = [
    ['Plan', plan],
    ['Store', store],
    ['Fleet', driver],
    ['Replicas', html`<span title="${list(replicas)}">${count(replicas.length)}</span>`],
    ['Users', count(users)],
    ['Length', `${count(Math.round(seconds * 10) / 10)} s`],
    ['When', html`<time datetime="${startedAt}">${startedAt.slice(0, 16).replace('T', ' ')} UTC</time>`],
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
