import type { CheckResult, Violation } from '../../checks/judgement.ts';
import type { Operation } from '../../users/history.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { formatMoment, formatNumber } from '../../../web/format.ts';
import { describeOperation } from '../describe-operation.ts';
import { type Place, section } from './section.ts';

/** How many operations of one violation are shown. */
const maxOperations = 12;

/** How many violations of a check are visible at once; the rest is folded. */
const maxUnfolded = 8;

/** The violations, with the requests that show them; nothing without violations. */
export function renderViolations({ checks }: Report, place: Place): Html | false {
  const broken = checks.filter(({ violations }) => violations.length > 0);
  if (broken.length === 0) return false;
  return section(
    place,
    'violations',
    'Violations',
    html`${broken.length > 1 && renderFilter(broken, place)}${broken.map((check) => renderCheck(check, place))}`,
  );
}

/** The page's script shows it and makes it work. */
function renderFilter(broken: CheckResult[], { id }: Place): Html {
  const choice = (value: string, label: string, chosen: boolean) =>
    html`<label><input type="radio" name="${id}-filter" value="${value}"${chosen && html` checked`}><span class="filter-choice">${label}</span></label>`;
  return html`
    <fieldset class="filter with-script">
      <legend>Show</legend>
      ${choice('', 'all', true)}
      ${broken.map(({ name, title, count: found }) => choice(name, `${title} (${formatNumber(found)})`, false))}
    </fieldset>`;
}

function renderCheck({ name, title, count: found, violations }: CheckResult, { id, maxViolations }: Place): Html {
  const shown = violations.slice(0, maxViolations);
  const rest = shown.slice(maxUnfolded);
  const more = found - shown.length;
  return html`
    <div class="check" data-check="${name}">
      <p class="check-title" id="${id}-violations-${name}"><b>${formatNumber(found)}</b> ${title}</p>
      ${shown.slice(0, maxUnfolded).map(renderViolation)}
      ${rest.length > 0 && html`<details class="rest"><summary>${formatNumber(rest.length)} more</summary>${rest.map(renderViolation)}</details>`}
      ${more > 0 && html`<p class="more">and ${formatNumber(more)} more in the history</p>`}
    </div>`;
}

function renderViolation({ summary, operations }: Violation): Html {
  if (operations.length === 0) return html`<p class="violation">${summary}</p>`;
  const more = operations.length - maxOperations;
  return html`
    <details class="violation">
      <summary>${summary}</summary>
      <ol class="operations">
        ${operations.slice(0, maxOperations).map(renderOperation)}
        ${more > 0 && html`<li>and ${formatNumber(more)} more in report.json</li>`}
      </ol>
    </details>`;
}

function renderOperation(operation: Operation): Html {
  const { id, session, start, outcome } = operation;
  return html`<li class="${outcome}" title="request ${id}"><b>${session}</b>: <time>${formatMoment(start)}</time> ${describeOperation(operation)}</li>`;
}
