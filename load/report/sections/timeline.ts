import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { formatDuration, formatNumber, joinWords } from '../../../web/format.ts';
import { type FaultKind, faultKinds, kindOfTarget, type Place, section, table } from './section.ts';

/** The plots, which the page's script draws, and each replica's share, which needs no script. */
export function renderTimeline(report: Report, place: Place): Html {
  const { timeline, shares, latencyMs } = report;
  const bucket = timeline.bucketSeconds === 1 ? 'second' : `${timeline.bucketSeconds} seconds`;
  return section(
    place,
    'timeline',
    'Timeline',
    html`
      <p class="hint">
        One point per ${bucket}; the last one may be shorter. Shaded: faults, numbered as in the table; grey at the
        start: warm-up, until every user had logged in (${formatDuration(1000 * timeline.warmUpSeconds)}).
        <span class="with-script">Drag to zoom in, double-click to zoom out; arrow keys move the cursor.</span>
      </p>
      <p>
        Response time: median ${formatDuration(latencyMs.p50)}, p99 ${formatDuration(latencyMs.p99)}, max ${formatDuration(latencyMs.max)}.
      </p>
      ${renderLegend(report)}
      <noscript><p class="hint">The plots need JavaScript; the rest of this page does not.</p></noscript>
      <div class="plots with-script" id="${place.id}-plots">
        ${plot('requests', 'Requests per second')}
        ${plot('failed', 'Failed requests per second')}
        ${plot('latency', 'Response time (ms)')}
        ${plot('replicas', 'Responses per second, by replica')}
      </div>
      ${renderShares(shares)}`,
  );
}

/** The data of the plots. */
export function plotData({ timeline, faults, seconds }: Report, { id }: Place): unknown {
  const bands = faults.map((fault, index) => ({
    number: index + 1,
    fault: fault.fault,
    kind: kindOfTarget[fault.target],
    start: fault.start / 1000,
    end: fault.end === null ? seconds : fault.end / 1000,
  }));
  const warmUp = { fault: 'warm-up', kind: 'other', start: 0, end: timeline.warmUpSeconds };
  return { id, seconds, timeline, bands: [...bands, warmUp] };
}

function plot(name: string, caption: string): Html {
  return html`
    <figure>
      <figcaption>${caption}</figcaption>
      <div class="plot" data-plot="${name}" tabindex="0" role="group" aria-label="Plot: ${caption}"></div>
    </figure>`;
}

function renderLegend({ faults }: Report): Html | false {
  const kinds = (Object.keys(faultKinds) as FaultKind[]).filter((kind) =>
    faults.some((fault) => kindOfTarget[fault.target] === kind),
  );
  if (kinds.length === 0) return false;
  return html`
    <ul class="legend" aria-label="Kinds of faults">
      ${kinds.map((kind) => html`<li><span class="swatch ${kind}"></span>fault of ${faultKinds[kind]}</li>`)}
    </ul>`;
}

function renderShares(shares: Record<string, number>): Html {
  const entries = Object.entries(shares);
  if (entries.length === 0) return html`<p>No replica answered.</p>`;
  const all = entries.reduce((sum, [, answers]) => sum + answers, 0);
  const max = Math.max(...Object.values(shares));
  const percent = (answers: number) => `${((100 * answers) / all).toFixed(1)} %`;
  const first = entries.slice(0, maxNamed).map(([replica, answers]) => `${replica} ${percent(answers)}`);
  const rest = entries.length - first.length;
  const named = joinWords(rest > 0 ? [...first, `${formatNumber(rest)} more`] : first);
  const rows = entries.map(([replica, answers]) => [
    html`${replica}`,
    html`${formatNumber(answers)}`,
    html`${percent(answers)}`,
    bar(answers / max),
  ]);
  return html`
    <details class="shares">
      <summary>Responses by replica: ${named}</summary>
      ${table('Responses by replica', shareColumns, rows)}
    </details>`;
}

const maxNamed = 5;

const shareColumns = [
  { name: 'Replica' },
  { name: 'Responses', numeric: true },
  { name: 'Share', numeric: true },
  { name: 'Compared' },
];

function bar(part: number): Html {
  const width = (100 * part).toFixed(1);
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="8"/></svg>`;
}
