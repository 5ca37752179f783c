import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { count, duration } from '../words.ts';
import { icon, type Sign } from './section.ts';

interface Figure {
  value: string;
  name: string;
  of: string;
  sign: Sign;
}

/** The few numbers that matter most. */
export function renderFigures(report: Report): Html {
  const { verdict, checked, faults, requests, longestStallMs } = report;
  const { excused } = requests;
  const figures: Figure[] = [
    lossFigure(report, 'lost-session', checked.sessions, 'sessions lost'),
    lossFigure(report, 'lost-write', checked.writes, 'acknowledged writes lost'),
    {
      value: count(requests.failed),
      name: requests.failed === 1 ? 'request failed' : 'requests failed',
      of: `of ${count(requests.total)}${excused > 0 ? `, and ${count(excused)} while a fault lasted that may cost them` : ''}`,
      sign: requests.total === 0 ? 'unknown' : requests.failed === 0 ? 'good' : 'bad',
    },
    {
      value: duration(longestStallMs),
      name: 'longest stall',
      of: faults.some(({ mayCost }) => mayCost.stallMs === null)
        ? 'without any success, but for faults that may stall all'
        : 'without any success',
      sign: stallSign(report),
    },
  ];
  return html`<ul class="figures">${figures.map((figure) => renderFigure(verdict === 'unknown' ? unproven(figure) : figure))}</ul>`;
}

function lossFigure({ checks }: Report, check: string, checked: number, name: string): Figure {
  const { count: lost, title = name } = checks.find((result) => result.name === check) ?? {};
  const sign = lost ? 'bad' : checked === 0 || lost === undefined ? 'unknown' : 'good';
  return { value: lost === undefined ? '?' : count(lost), name: title, of: `of ${count(checked)} checked`, sign };
}

/** What a stall may be is a matter of each fault; the checks have decided it. */
function stallSign({ checks, requests }: Report): Sign {
  if (requests.ok === 0) return 'unknown';
  return checks.some(({ name, count }) => name === 'stall' && count > 0) ? 'bad' : 'good';
}

/** Where nothing was at risk, that nothing was lost is no good news. */
function unproven(figure: Figure): Figure {
  return figure.sign === 'good' ? { ...figure, sign: 'unknown' } : figure;
}

function renderFigure({ value, name, of, sign }: Figure): Html {
  const [number, unit] = value.split(' ');
  return html`
    <li class="${sign}">
      <p class="value"><span>${number}${unit && html` <small>${unit}</small>`}</span>${icon(sign)}</p>
      <p class="name">${name}</p>
      <p class="of">${of}</p>
    </li>`;
}
