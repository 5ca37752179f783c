import { aboutExcused, countsOf, titles } from '../comparison.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { capitalize, formatDuration, formatNumber, joinWords } from '../../../web/format.ts';
import { type Column, icon, table } from './section.ts';
import { signs } from './verdict.ts';

const columns: Column[] = titles.map((title, index) => ({ name: capitalize(title), numeric: index > 1 }));

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
        <h1>${compareStores(reports)}</h1>
        <p class="sentence">${plans.length === 1 ? 'The same plan' : `The same ${formatNumber(plans.length)} plans`} with the same users, one store after the other; ${seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${joinWords(seeds.map(String))}`}.</p>
        ${tables}
        <p class="hint">${aboutExcused.replaceAll('_', '')}</p>
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
      if (checked === 0 && found === 0) return html`<span title="nothing to check">–</span>`;
      const shown = found > 0 ? html`<strong class="bad">${formatNumber(found)}</strong>` : html`0`;
      const also = excused > 0 && html`<br><small>plus ${formatNumber(excused)} excused</small>`;
      return html`${shown} <small>of ${formatNumber(checked)}</small>${also}`;
    }),
    html`${formatDuration(longestStallMs)}`,
  ];
}

/** A store passed if all of its runs did. */
function compareStores(reports: Report[]): string {
  const stores = [...new Set(reports.map(({ store }) => store))];
  const verdictsOf = (store: string) =>
    reports.filter((report) => report.store === store).map(({ verdict }) => verdict);
  const failed = stores.filter((store) => verdictsOf(store).includes('fail'));
  const held = stores.filter((store) => verdictsOf(store).every((verdict) => verdict === 'pass'));
  const unsure = stores.filter((store) => !failed.includes(store) && !held.includes(store));
  const parts = [
    held.length > 0 ? `${joinWords(held)} passed` : '',
    failed.length > 0 ? `${joinWords(failed)} failed` : '',
    unsure.length > 0 ? `${joinWords(unsure)} proved nothing` : '',
  ].filter(Boolean);
  return `${capitalize(parts.join('; '))}.`;
}
