// Draws the plots of a report. Those of one report share cursor and zoom.
globalThis.drawPlots = function drawPlots({ id, seconds, timeline, bands }) {
  const { bucketSeconds: width, requests, failed, p50, p99, replicas } = timeline;
  const times = requests.map((_, index) => (index + 0.5) * width);
  const swatch = document.createElement('span');
  swatch.hidden = true;
  document.body.append(swatch);
  const number = (value) =>
    value === null || value === undefined ? '–' : Number(value.toPrecision(4)).toLocaleString('en-US');
  const series = [colourOf('--series-1'), colourOf('--series-2')];
  const line = (label, stroke, more) => ({
    label,
    stroke,
    width: 1.75,
    points: {
      show: times.length < 3,
      size: 5,
      filter: (plot, series, isShown) => (isShown ? null : isolated(plot, series)),
    },
    value: (_, value) => number(value),
    ...more,
  });

  const kinds = {
    requests: {
      height: 210,
      data: [requests],
      series: [line('requests', series[0], { fill: faint(series[0]) })],
      range: (_, __, most) => [0, Math.max(1, most * 1.1)],
    },
    failed: {
      height: 120,
      data: [failed],
      series: [
        line('failed', colourOf('--bad'), {
          fill: colourOf('--bad'),
          paths: uPlot.paths.bars({ size: [0.8, 12] }),
          points: { show: false },
          width: 0,
        }),
      ],
      range: (_, __, most) => [0, Math.max(1, most * 1.1)],
    },
    latency: {
      height: 200,
      data: [p50.map(positive), p99.map(positive)],
      series: [line('median', series[0]), line('p99', series[1], { dash: [6, 3] })],
      range: (_, least, most) => uPlot.rangeLog(least, most, 10, true),
      scale: { distr: 3 },
      // Grid lines at powers of ten are enough.
      grid: { filter: (_, splits) => splits.map((split) => (Number.isInteger(Math.log10(split)) ? split : null)) },
    },
    replicas: {
      height: 210,
      data: stacked(replicas.map(({ answers }) => answers)),
      // The last lies at the bottom; each is filled down to the next.
      bands: replicas.slice(1).map((_, index) => ({ series: [index + 1, index + 2] })),
      series: replicas.map(({ name, answers }, index) => {
        const colour = colourOf(`--series-${(index % 8) + 1}`);
        return line(name, colour, {
          fill: faint(colour, 0.6),
          width: 1,
          value: (_, __, ___, at) => number(at === null ? null : answers[at]),
        });
      }),
      range: (_, __, most) => [0, Math.max(1, most * 1.1)],
    },
  };

  const axis = {
    stroke: colourOf('--soft'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const lasting = (at) =>
    bands.filter(({ start, end }) => start < times[at] + width / 2 && end >= times[at] - width / 2);
  const moment = (_, __, ___, at) =>
    at === null
      ? '–'
      : [`${number(times[at])} s`, ...lasting(at).map(({ number, fault }) => `${number} ${fault}`)].join(' · ');

  return function draw(element) {
    const { height, data, series, bands: between = [], range, scale, grid } = kinds[element.dataset.plot];
    const isFirst = element.dataset.plot === 'requests';
    const options = {
      width: element.clientWidth,
      height,
      padding: [isFirst ? 36 : 10, 18, 0, 0],
      cursor: { sync: { key: id }, y: false, drag: { x: true, y: false } },
      scales: {
        x: {
          time: false,
          range: (_, least, most) =>
            least === times[0] && most === times.at(-1) ? [0, Math.max(seconds, width)] : [least, most],
        },
        y: { ...(range && { range }), ...scale },
      },
      axes: [
        { ...axis, size: 28, values: (_, ticks) => ticks.map((tick) => `${number(tick)} s`) },
        {
          ...axis,
          grid: { ...axis.grid, ...grid },
          size: 52,
          values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : number(tick))),
        },
      ],
      series: [{ label: 'at', value: moment }, ...series],
      bands: between,
      plugins: [createFaultBands(bands, colourOf, isFirst)],
    };
    return new uPlot(options, [times, ...data], element);
  };

  /** Moments without a neighbour: no line reaches them, and they may be the worst ones. */
  function isolated({ data }, series) {
    const isEmpty = (at) => (data[series][at] ?? null) === null;
    return times.flatMap((_, at) => (isEmpty(at) || !isEmpty(at - 1) || !isEmpty(at + 1) ? [] : [at]));
  }

  /** A logarithm has no zero. */
  function positive(value) {
    return value === null ? null : Math.max(value, 0.01);
  }

  /** A colour of the style sheet as a canvas understands it. */
  function colourOf(name) {
    swatch.style.color = `var(${name})`;
    return getComputedStyle(swatch).color;
  }

  function faint(colour, alpha = 0.15) {
    return colour.replace(')', `, ${alpha})`);
  }

  /** Each on top of those that follow it. */
  function stacked(lists) {
    let below = times.map(() => 0);
    return lists
      .toReversed()
      .map((list) => (below = list.map((value, index) => value + below[index])))
      .toReversed();
  }
};
