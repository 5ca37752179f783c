import type { CheckResult, Violation } from '../../checks/judgement.ts';
import type { Operation } from '../../history.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { count, describeOperation, moment } from '../words.ts';
import { type Place, section } from './section.ts';

/** How many operations of one violation are shown. */
const mostOperations = 12;

/** How many violations of a check can be seen at once; the rest is folded. */
const mostUnfolded = 8;

/** What users were told and that did not hold, with the requests that show it; nothing where there is none. */
export function renderViolations({ checks }: Report, place: Place): Html | false {
  const broken = checks.filter(({ violations }) => violations.length > 0);
  if (broken.length === 0) return false;
  return section(
    place,
    'violations',
    'What did not hold',
    html`${broken.length > 1 && renderFilter(broken, place)}${broken.map((check) => renderCheck(check, place))}`,
  );
}

/** The page's script makes it work and shows it. */
function renderFilter(broken: CheckResult[], { id }: Place): Html {
  const choice = (value: string, words: string, chosen: boolean) =>
    html`<label><input type="radio" name="${id}-filter" value="${value}"${chosen && html` checked`}><span class="filter-choice">${words}</span></label>`;
  return html`
    <fieldset class="filter with-script">
      <legend>Show</legend>
      ${choice('', 'all', true)}
      ${broken.map(({ name, title, count: found }) => choice(name, `${title} (${count(found)})`, false))}
    </fieldset>`;
}

function renderCheck({ name, title, count: found, violations }: CheckResult, { id, mostViolations }: Place): Html {
  const shown = violations.slice(0, mostViolations);
  const rest = shown.slice(mostUnfolded);
  const more = found - shown.length;
  return html`
    <div class="check" data-check="${name}">
      <p class="check-title" id="${id}-violations-${name}"><b>${count(found)}</b> ${title}</p>
      ${shown.slice(0, mostUnfolded).map(renderViolation)}
      ${rest.length > 0 && html`<details class="rest"><summary>${count(rest.length)} more</summary>${rest.map(renderViolation)}</details>`}
      ${more > 0 && html`<p class="more">and ${count(more)} more in the history</p>`}
    </div>`;
}

function renderViolation({ words, operations }: Violation): Html {
  if (operations.length === 0) return html`<p class="violation">${words}</p>`;
  const more = operations.length - mostOperations;
  return html`
    <details class="violation">
      <summary>${words}</summary>
      <ol class="operations">
        ${operations.slice(0, mostOperations).map(renderOperation)}
        ${more > 0 && html`<li>and ${count(more)} more in report.json</li>`}
      </ol>
    </details>`;
}

function renderOperation(operation: Operation): Html {
  const { id, session, start, outcome } = operation;
  return html`<li class="${outcome}" title="request ${id}"><b>${session}</b>: <time>${moment(start)}</time> ${describeOperation(operation)}</li>`;
}
