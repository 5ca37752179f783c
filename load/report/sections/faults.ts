import type { FaultFigures } from '../../checks/judgement.ts';
import type { MayCost } from '../../history.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { count, duration, list, moment } from '../words.ts';
import { faultKindOf } from './fault-kind.ts';
import { type Place, section } from './section.ts';
import { table } from './table.ts';

/** Every fault: that it landed, what it cost and what it may cost; and those that this fleet cannot have. */
export function renderFaults({ faults, skipped }: Report, place: Place): Html {
  return section(
    place,
    'faults',
    'What went wrong on purpose',
    html`
      ${faults.length === 0 ? html`<p>There was no fault: nothing was at risk.</p>` : html`<div class="wide" tabindex="0" role="region" aria-label="Table of faults">${table('Counted from its start to a second after its end', columns, faults.map(row))}</div>`}
      ${skipped.length > 0 && html`<p>Faults that this fleet cannot have:</p><ul class="skipped">${skipped.map(({ fault, why }) => html`<li><b>${fault}</b>: ${why}</li>`)}</ul>`}`,
  );
}

const columns = [
  { name: 'Fault' },
  { name: 'When' },
  { name: 'What was seen of it' },
  { name: 'Requests under way', numeric: true },
  { name: 'Failed', numeric: true },
  { name: 'Longest stall', numeric: true },
  { name: 'Slowest answer', numeric: true },
  { name: 'Back after', numeric: true },
  { name: 'May cost' },
];

function row(fault: FaultFigures, index: number): Html[] {
  const { targets, start, end, requests, failed, stallMs, slowestMs, recoveryMs, mayCost } = fault;
  return [
    html`<span class="fault-name"><span class="chip ${faultKindOf(fault)}">${index + 1}</span> ${fault.fault}</span><span class="targets">${list(targets)}</span>`,
    end === null
      ? html`from ${moment(start, 1)}, <strong class="bad">never healed</strong>`
      : html`<span class="when">${moment(start, 1)}</span> to <span class="when">${moment(end, 1)}</span>`,
    sightOf(fault),
    html`${count(requests)}`,
    html`${count(failed)}`,
    html`${duration(stallMs)}`,
    html`${duration(slowestMs)}`,
    recoveryMs === null ? html`<strong class="bad">never</strong>` : html`${duration(recoveryMs)}`,
    html`${costWords(mayCost)}`,
  ];
}

function sightOf({ landed, problem }: FaultFigures): Html {
  const seen = landed === '' ? html`<strong class="bad">Nothing was seen of it.</strong>` : html`${landed}`;
  return html`${seen}${problem !== undefined && html` <strong class="bad">${problem}</strong>`}`;
}

const failureWords = { none: 'no failed request', writes: 'failed writes', all: 'failed requests' };

function costWords({ failures, stallMs, answerMs }: MayCost): string {
  return [
    failureWords[failures],
    stallMs === null ? 'any stall' : `a stall of ${duration(stallMs)}`,
    answerMs === null ? '' : `answers within ${duration(answerMs)}`,
  ]
    .filter(Boolean)
    .join(', ');
}
