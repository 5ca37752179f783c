import type { CheckResult } from '../../checks/judgement.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { count } from '../words.ts';
import { icon, type Place, type Sign, section } from './section.ts';
import { table } from './table.ts';

/** Every check, whether it held, and what it stands for. */
export function renderChecks({ checks }: Report, place: Place): Html {
  const columns = [
    { name: 'Check' },
    { name: 'Held' },
    { name: 'Found', numeric: true },
    { name: 'Looked at', numeric: true },
    { name: 'What it is about' },
  ];
  const rows = checks.map((check) => [
    html`${check.title}`,
    mark(check, place),
    html`${count(check.count)}`,
    html`${count(check.checked)}`,
    html`${check.about}`,
  ]);
  return section(
    place,
    'checks',
    'What was checked',
    table('A count above 0 is a claim that does not hold', columns, rows),
  );
}

export function signOf({ count, checked }: CheckResult): Sign {
  return count > 0 ? 'bad' : checked > 0 ? 'good' : 'unknown';
}

function mark(check: CheckResult, { id }: Place): Html {
  const sign = signOf(check);
  const words = { good: 'yes', bad: 'no', unknown: 'nothing to look at' }[sign];
  const content = html`${icon(sign)}${words}`;
  return check.violations.length > 0
    ? html`<a class="mark ${sign}" href="#${id}-violations-${check.name}">${content}</a>`
    : html`<span class="mark ${sign}">${content}</span>`;
}
