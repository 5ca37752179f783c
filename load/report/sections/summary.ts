import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { formatDuration, formatNumber } from '../../../web/format.ts';
import { icon, type Sign } from './section.ts';

interface KeyNumber {
  value: string;
  name: string;
  of: string;
  sign: Sign;
}

/** The most important numbers. */
export function renderSummary(report: Report): Html {
  const { verdict, checked, requests, longestStallMs, longestExcusedStallMs } = report;
  const { excused } = requests;
  const again = checked.notCheckedAgain > 0 && `${formatNumber(checked.notCheckedAgain)} could not be checked again`;
  const numbers: KeyNumber[] = [
    lossKeyNumber(report, 'lost-session', checked.sessions, 'sessions lost', again || ''),
    lossKeyNumber(report, 'lost-write', checked.writes, 'acknowledged writes lost'),
    {
      value: formatNumber(requests.failed),
      name: requests.failed === 1 ? 'request failed' : 'requests failed',
      of: `of ${formatNumber(requests.total)}${excused > 0 ? `, plus ${formatNumber(excused)} excused (during a fault)` : ''}`,
      sign: requests.total === 0 ? 'unknown' : requests.failed === 0 ? 'good' : 'bad',
    },
    {
      value: formatDuration(longestStallMs),
      name: 'longest stall',
      of: `without a success${longestExcusedStallMs > 0 ? `, plus ${formatDuration(longestExcusedStallMs)} excused (during a fault)` : ''}`,
      sign: stallSign(report),
    },
  ];
  return html`<ul class="figures">${numbers.map((figure) => renderNumber(verdict === 'unknown' ? unproven(figure) : figure))}</ul>`;
}

/** @param unknown how many could not be checked, in words; '' if all were: then a count of 0 is good news */
function lossKeyNumber({ checks }: Report, check: string, checked: number, name: string, unknown = ''): KeyNumber {
  const { count: lost, title = name } = checks.find((result) => result.name === check) ?? {};
  const sign = lost ? 'bad' : checked === 0 || lost === undefined || unknown !== '' ? 'unknown' : 'good';
  return {
    value: lost === undefined ? '?' : formatNumber(lost),
    name: title,
    of: [`of ${formatNumber(checked)} checked`, unknown].filter(Boolean).join('; '),
    sign,
  };
}

/** Each fault has its own limit for stalls, which the checks apply. */
function stallSign({ checks, requests }: Report): Sign {
  if (requests.ok === 0) return 'unknown';
  return checks.some(({ name, count }) => name === 'stall' && count > 0) ? 'bad' : 'good';
}

/** If nothing was at risk, "nothing lost" is no good news. */
function unproven(figure: KeyNumber): KeyNumber {
  return figure.sign === 'good' ? { ...figure, sign: 'unknown' } : figure;
}

function renderNumber({ value, name, of, sign }: KeyNumber): Html {
  const [number, unit] = value.split(' ');
  return html`
    <li class="${sign}">
      <p class="value"><span>${number}${unit && html` <small>${unit}</small>`}</span>${icon(sign)}</p>
      <p class="name">${name}</p>
      <p class="of">${of}</p>
    </li>`;
}
