import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { renderAtRisk } from './at-risk.ts';
import { renderChecks } from './checks.ts';
import { renderFaults } from './faults.ts';
import { renderFigures } from './figures.ts';
import { renderOrigin } from './origin.ts';
import type { Place } from './section.ts';
import { renderTimeline } from './timeline.ts';
import { renderVerdict } from './verdict.ts';
import { renderViolations } from './violations.ts';

/** One run, the verdict first. */
export function renderReport(report: Report, place: Place, historyFile: string): Html {
  return html`
    <article class="report" id="${place.id}" aria-labelledby="${place.id}-verdict">
      ${renderVerdict(report, place)}
      <div class="page">
        ${renderFigures(report)}
        ${renderTimeline(report, place)}
        ${renderFaults(report, place)}
        ${renderChecks(report, place)}
        ${renderViolations(report, place)}
        ${renderAtRisk(report, place)}
        ${renderOrigin(report, place, historyFile)}
      </div>
    </article>`;
}
