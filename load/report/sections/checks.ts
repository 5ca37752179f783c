import type { CheckResult } from '../../checks/judgement.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { formatNumber } from '../../../web/format.ts';
import { icon, type Place, section, type Sign, table } from './section.ts';

/** Every check, failures first; the checks that held are folded. */
export function renderChecks({ checks }: Report, place: Place): Html {
  const failed = checks.filter(({ count }) => count > 0);
  const others = checks.filter(({ count }) => count === 0);
  const columns = [
    { name: 'Check' },
    { name: 'Result' },
    { name: 'Violations', numeric: true },
    { name: 'Checked', numeric: true },
    { name: 'Meaning of a violation' },
  ];
  const row = (check: CheckResult) => [
    html`${check.holds}`,
    mark(check, place),
    html`${formatNumber(check.count)}`,
    html`${formatNumber(check.checked)}`,
    html`${check.about}`,
  ];
  const caption = 'Any violation fails the run';
  const held = others.filter(({ checked }) => checked > 0).length;
  return section(
    place,
    'checks',
    'Checks',
    html`
      ${failed.length > 0 && table(caption, columns, failed.map(row))}
      <details class="held">
        <summary>${icon('good')}${formatNumber(held)} of ${formatNumber(checks.length)} checks held</summary>
        ${table(caption, columns, others.map(row))}
      </details>`,
  );
}

export function signOf({ count, checked }: CheckResult): Sign {
  return count > 0 ? 'bad' : checked > 0 ? 'good' : 'unknown';
}

function mark(check: CheckResult, { id }: Place): Html {
  const sign = signOf(check);
  const text = { good: 'held', bad: 'violated', unknown: 'nothing to check' }[sign];
  const content = html`${icon(sign)}${text}`;
  return check.violations.length > 0
    ? html`<a class="mark ${sign}" href="#${id}-violations-${check.name}">${content}</a>`
    : html`<span class="mark ${sign}">${content}</span>`;
}
