import { aboutExcused, countsOf, titles } from '../compared.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { capitalise, count, duration, list } from '../words.ts';
import { icon } from './section.ts';
import { type Column, table } from './table.ts';
import { signs } from './verdict.ts';

const columns: Column[] = titles.map((title, index) => ({ name: capitalise(title), numeric: index > 1 }));

/** The same plans against several stores, side by side; each row links to its report. */
export function renderComparison(reports: Report[], idOf: (index: number) => string): Html {
  const plans = [...new Set(reports.map(({ plan }) => plan))];
  const seeds = [...new Set(reports.map(({ seed }) => seed))];
  const tables = plans.map((plan) => {
    const rows = reports.flatMap((report, index) => (report.plan === plan ? [row(report, idOf(index))] : []));
    return html`<div class="wide" tabindex="0" role="region" aria-label="Comparison, ${plan}">${table(`Plan ${plan}`, columns, rows)}</div>`;
  });
  return html`
    <header class="comparison">
      <div class="page">
        <h1>${compareWords(reports)}</h1>
        <p class="sentence">${plans.length === 1 ? 'The same plan' : `The same ${count(plans.length)} plans`} with the same users, one store after the other; ${seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${list(seeds.map(String))}`}.</p>
        ${tables}
        <p class="hint">${aboutExcused}</p>
      </div>
    </header>`;
}

function row(report: Report, id: string): Html[] {
  const { store, verdict, longestStallMs } = report;
  const sign = signs[verdict];
  return [
    html`<a href="#${id}-verdict">${store}</a>`,
    html`<span class="mark ${sign}">${icon(sign)}${verdict.toUpperCase()}</span>`,
    ...countsOf(report).map(({ count: found, checked, excused }) => {
      if (checked === 0 && found === 0) return html`<span title="nothing to look at">–</span>`;
      const shown = found > 0 ? html`<strong class="bad">${count(found)}</strong>` : html`0`;
      const also = excused > 0 && html`<br><small>${count(excused)} more excused</small>`;
      return html`${shown} <small>of ${count(checked)}</small>${also}`;
    }),
    html`${duration(longestStallMs)}`,
  ];
}

/** A store holds where all of its runs passed. */
function compareWords(reports: Report[]): string {
  const stores = [...new Set(reports.map(({ store }) => store))];
  const verdictsOf = (store: string) =>
    reports.filter((report) => report.store === store).map(({ verdict }) => verdict);
  const failed = stores.filter((store) => verdictsOf(store).includes('fail'));
  const held = stores.filter((store) => verdictsOf(store).every((verdict) => verdict === 'pass'));
  const unsure = stores.filter((store) => !failed.includes(store) && !held.includes(store));
  const parts = [
    held.length > 0 ? `${list(held)} held` : '',
    failed.length > 0 ? `${list(failed)} did not` : '',
    unsure.length > 0 ? `of ${list(unsure)} nothing can be said` : '',
  ].filter(Boolean);
  const words = held.length > 0 ? parts.join('; ') : parts.join('; ').replace(/did not/, 'did not hold');
  return `${capitalise(words)}.`;
}
