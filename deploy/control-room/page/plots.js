import uPlot from '/uplot.js';
import { colourOf, setText } from './dom.js';
import { createMarks } from './marks.js';
import { clock } from './format.js';

const maxSeconds = 300;
const minSeconds = 60;

/** Draws the last five minutes. The plots share their cursor. */
export function createPlots(elements, announce) {
  let points = [];
  let marks = new Map();
  let plots = [];
  const by = document.getElementById('timeline-by');

  function reset() {
    points = [];
    marks = new Map();
  }

  function add(freshPoints, freshMarks, { at }) {
    const now = Math.floor(at / 1000);
    points = [...points, ...freshPoints].filter((point) => point.at > now - maxSeconds);
    for (const mark of freshMarks) marks.set(mark.id, mark);
    for (const mark of marks.values()) if (mark.at < at - maxSeconds * 1000) marks.delete(mark.id);
    setText(by, sources[points.at(-1)?.by ?? 'none']);
    if (plots.length === 0) draw();
    for (const plot of plots) {
      plot.setData(dataOf(plot.name), true);
      // The latest values, unless the cursor is at another moment.
      if ((plot.cursor.left ?? -1) < 0 && points.length > 0) plot.setLegend({ idx: points.length - 1 }, false);
    }
  }

  /** A short history is shown larger. */
  function span() {
    const last = points.at(-1)?.at ?? 1;
    const first = points[0]?.at ?? last;
    return [Math.max(last - maxSeconds + 1, Math.min(first, last - minSeconds)), last];
  }

  function dataOf(name) {
    const values = kinds[name].keys.map((key) => points.map((point) => kinds[name].value(point[key])));
    if (name === 'failed') values[0] = values[0].map((excused, index) => excused && excused + (values[1][index] ?? 0));
    return [points.map((point) => point.at), ...values];
  }

  function draw() {
    for (const plot of plots) plot.destroy();
    plots = [...elements].map((element) => {
      const { plot: name } = element.dataset;
      const sorted = () => [...marks.values()].sort((a, b) => a.at - b.at);
      const plot = new uPlot(optionsOf(name, element, span, sorted), dataOf(name), element);
      return Object.assign(plot, { name, element });
    });
  }

  for (const element of elements) {
    element.tabIndex = 0;
    element.role = 'group';
    element.ariaLabel = `Plot: ${element.previousElementSibling.textContent}; arrow keys move through time, Escape back to now`;
    element.addEventListener('keydown', (event) => moveCursor(plots, event, announce));
    element.addEventListener('blur', () => backToNow(plots));
  }
  new ResizeObserver(() => {
    for (const plot of plots) plot.setSize(sizeOf(plot.element));
  }).observe(elements[0]);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.length > 0 && draw());
  return { reset, add };
}

const sources = {
  users: 'measured by the users',
  replicas: 'measured by the replicas',
  none: 'not measured now',
};

const same = (value) => value;
const kinds = {
  requests: { keys: ['requests'], labels: ['requests'], value: same },
  latency: {
    keys: ['p50', 'p99'],
    labels: ['median', 'p99'],
    value: (value) => (value === null ? null : Math.max(value, 0.1)), // a log scale has no zero
  },
  // Stacked: the failures that count, and on top of them those that a fault excuses.
  failed: { keys: ['excused', 'failed'], labels: ['excused', 'failed'], value: same },
};

/** Requests are counted in integers. */
const integerSteps = [1, 10, 100, 1000, 10_000].flatMap((power) => [power, 2 * power, 5 * power]);

const number = (value) =>
  value === null || value === undefined ? '–' : Number(value.toPrecision(3)).toLocaleString('en-US');

function sizeOf({ clientWidth: width, clientHeight: height }) {
  return { width, height };
}

function optionsOf(name, element, span, marks) {
  const axis = {
    stroke: colourOf('--soft'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const isLog = name === 'latency';
  const isLabelled = name === 'requests';
  const isLast = name === 'failed';
  const isPower = (split) => Number.isInteger(Math.log10(split));
  return {
    ...sizeOf(element),
    padding: [isLabelled ? 34 : 8, 32, 0, 0],
    cursor: { sync: { key: 'room' }, y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: span },
      y: isLog
        ? { distr: 3, range: (_, least, most) => uPlot.rangeLog(least ?? 1, most ?? 100, 10, true) }
        : { range: (_, __, most) => [0, Math.max(isLabelled ? 10 : 5, (most ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: isLast ? 26 : 4,
        space: 80,
        values: (_, ticks) => ticks.map((tick) => (isLast ? clock(tick * 1000) : '')),
        incrs: [30, 60],
      },
      {
        ...axis,
        size: 50,
        space: 22,
        ...(!isLog && { incrs: integerSteps }),
        grid: { ...axis.grid, ...(isLog && { filter: (_, splits) => splits.map((at) => (isPower(at) ? at : null)) }) },
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : number(tick))),
      },
    ],
    series: [{ label: 'at', value: (_, at) => (at === null ? '–' : clock(at * 1000)) }, ...linesOf(name)],
    plugins: [createMarks(marks, isLabelled)],
  };
}

function linesOf(name) {
  const strokes =
    name === 'failed' ? [colourOf('--soft'), colourOf('--bad')] : [colourOf('--series-1'), colourOf('--series-2')];
  const more = {
    requests: [{ fill: strokes[0].replace(')', ', 0.15)') }],
    latency: [{}, { dash: [6, 3] }],
    failed: strokes.map((fill) => ({ fill, paths: uPlot.paths.bars({ size: [0.9, 8] }), width: 0 })),
  }[name];
  return kinds[name].labels.map((label, index) => ({
    label,
    stroke: strokes[index],
    width: 1.75,
    points: { show: false, size: 5, ...(name === 'latency' && { filter: isolated }) },
    value: (plot, value, series, at) => number(name === 'failed' && series === 1 ? excusedAt(plot, at) : value),
    ...more[index],
  }));
}

/** Moments without a neighbour: no line reaches them, and they may be the worst ones. */
function isolated(plot, series) {
  const values = plot.data[series];
  const isEmpty = (at) => values[at] === null || values[at] === undefined;
  return values.flatMap((_, at) => (isEmpty(at) || !isEmpty(at - 1) || !isEmpty(at + 1) ? [] : [at]));
}

/** The bar of what is excused is drawn on top of the other. */
function excusedAt({ data }, at) {
  return at === null || data[1][at] === null ? null : Math.max(0, data[1][at] - (data[2][at] ?? 0));
}

function backToNow(plots) {
  for (const plot of plots) plot.setCursor({ left: -10, top: -10 }, true, false);
}

/** @param announce reads the values of a moment to screen readers */
function moveCursor(plots, event, announce) {
  if (event.key === 'Escape') return backToNow(plots);
  const plot = plots.find(({ element }) => element === event.currentTarget);
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const times = plot?.data[0] ?? [];
  if (!step || times.length === 0) return; // there is no data yet
  event.preventDefault();
  const index = Math.min(times.length - 1, Math.max(0, (plot.cursor.idx ?? times.length) + step));
  plot.setCursor({ left: plot.valToPos(times[index], 'x'), top: 1 }, true, true);
  const values = kinds[plot.name].labels.map((label, at) => {
    const value = label === 'excused' ? excusedAt(plot, index) : plot.data[at + 1][index];
    return `${label} ${number(value)}`;
  });
  announce([clock(times[index] * 1000), ...values].join(', '));
}
