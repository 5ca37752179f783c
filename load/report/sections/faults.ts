import type { FaultStats } from '../../checks/judgement.ts';
import type { ImpactBudget } from '../../users/history.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { formatDuration, formatMoment, formatNumber, joinWords } from '../../../web/format.ts';
import { kindOfTarget, type Place, section, table } from './section.ts';

/** Every fault: its evidence, its impact and its budget; and the faults that this fleet does not support. */
export function renderFaults({ faults, skipped }: Report, place: Place): Html {
  return section(
    place,
    'faults',
    'Injected faults',
    html`
      ${faults.length === 0 ? html`<p>No fault was injected, so nothing was at risk.</p>` : html`<div class="wide" tabindex="0" role="region" aria-label="Table of faults">${table('Impact from the start of each fault to a second after its end', columns, faults.map(row))}</div>`}
      ${skipped.length > 0 && html`<p>Faults that this fleet does not support:</p><ul class="skipped">${skipped.map(({ fault, reason }) => html`<li><b>${fault}</b>: ${reason}</li>`)}</ul>`}`,
  );
}

const columns = [
  { name: 'Fault' },
  { name: 'When' },
  { name: 'Evidence' },
  { name: 'Requests in flight', numeric: true },
  { name: 'Failed', numeric: true },
  { name: 'Longest stall', numeric: true },
  { name: 'Slowest response', numeric: true },
  { name: 'Recovered after', numeric: true },
  { name: 'Budget' },
];

function row(fault: FaultStats, index: number): Html[] {
  const { targets, start, end, requests, failed, stallMs, slowestMs, recoveryMs, impactBudget } = fault;
  return [
    html`<span class="fault-name"><span class="chip ${kindOfTarget[fault.target]}">${index + 1}</span> ${fault.fault}</span><span class="targets">${joinWords(targets)}</span>`,
    end === null
      ? html`from ${formatMoment(start, 1)}, <strong class="bad">never healed</strong>`
      : html`<span class="when">${formatMoment(start, 1)}</span> to <span class="when">${formatMoment(end, 1)}</span>`,
    evidenceOf(fault),
    html`${formatNumber(requests)}`,
    html`${formatNumber(failed)}`,
    html`${formatDuration(stallMs)}`,
    html`${formatDuration(slowestMs)}`,
    recoveryMs === null ? html`<strong class="bad">never</strong>` : html`${formatDuration(recoveryMs)}`,
    html`${describeBudget(impactBudget)}`,
  ];
}

function evidenceOf({ evidence, problem }: FaultStats): Html {
  const text = evidence === '' ? html`<strong class="bad">No evidence that it landed.</strong>` : html`${evidence}`;
  return html`${text}${problem !== undefined && html` <strong class="bad">${problem}</strong>`}`;
}

const failureTexts = { none: 'no failed request', writes: 'failed writes', all: 'failed requests' };

function describeBudget({ failures, stallMs, answerMs, steady }: ImpactBudget): string {
  return [
    failureTexts[failures],
    stallMs === null ? 'any stall' : `a stall of ${formatDuration(stallMs)}`,
    answerMs === null ? '' : `responses within ${formatDuration(answerMs)}`,
    steady
      ? `after ${formatDuration(steady.afterMs)} ${100 * steady.throughput} % of the throughput before, p99 ${formatDuration(steady.p99Ms)}`
      : '',
  ]
    .filter(Boolean)
    .join(', ');
}
