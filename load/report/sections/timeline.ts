import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { count, duration, list } from '../words.ts';
import { type FaultKind, faultKindOf, faultKinds } from './fault-kind.ts';
import { type Place, section } from './section.ts';
import { table } from './table.ts';

/** The plots, which the page's script draws, and each replica's share, which needs none. */
export function renderTimeline(report: Report, place: Place): Html {
  const { timeline, shares, latencyMs } = report;
  const wide = timeline.bucketSeconds === 1 ? 'second' : `${timeline.bucketSeconds} seconds`;
  return section(
    place,
    'timeline',
    'What happened when',
    html`
      <p class="hint">
        One point stands for each ${wide}; the end cuts the last one short. Shaded: while a fault lasted, numbered as in the table of faults.
        <span class="with-script">Drag to look closer, double-click to see all; arrow keys move the cursor.</span>
      </p>
      <p>
        Half of all answers took ${duration(latencyMs.p50)} or less, 99 % ${duration(latencyMs.p99)} or less, the slowest
        ${duration(latencyMs.max)}.
      </p>
      ${renderLegend(report)}
      <noscript><p class="hint">The plots need JavaScript. Everything else on this page does not.</p></noscript>
      <div class="plots with-script" id="${place.id}-plots">
        ${plot('requests', 'Requests a second')}
        ${plot('failed', 'Requests a second that did not succeed')}
        ${plot('latency', 'Milliseconds to an answer')}
        ${plot('replicas', 'Answers a second, by replica')}
      </div>
      ${renderShares(shares)}`,
  );
}

/** What the plots are drawn from. */
export function plotData({ timeline, faults, seconds }: Report, { id }: Place): unknown {
  const bands = faults.map((fault, index) => ({
    number: index + 1,
    fault: fault.fault,
    kind: faultKindOf(fault),
    start: fault.start / 1000,
    end: fault.end === null ? seconds : fault.end / 1000,
  }));
  return { id, seconds, timeline, bands };
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
    faults.some((fault) => faultKindOf(fault) === kind),
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
  const most = Math.max(...Object.values(shares));
  const percent = (answers: number) => `${((100 * answers) / all).toFixed(1)} %`;
  const first = entries.slice(0, mostNamed).map(([replica, answers]) => `${replica} ${percent(answers)}`);
  const rest = entries.length - first.length;
  const named = list(rest > 0 ? [...first, `${count(rest)} more`] : first);
  const rows = entries.map(([replica, answers]) => [
    html`${replica}`,
    html`${count(answers)}`,
    html`${percent(answers)}`,
    bar(answers / most),
  ]);
  return html`
    <details class="shares">
      <summary>Who answered: ${named}</summary>
      ${table('Answers by replica', shareColumns, rows)}
    </details>`;
}

const mostNamed = 5;

const shareColumns = [
  { name: 'Replica' },
  { name: 'Answers', numeric: true },
  { name: 'Share', numeric: true },
  { name: 'Compared' },
];

function bar(part: number): Html {
  const width = (100 * part).toFixed(1);
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="8"/></svg>`;
}
