// Shades the faults on a plot. Their kinds differ in pattern and in colour.
globalThis.createFaultBands = function createFaultBands(bands, colourOf, isLabelled) {
  const dots = devicePixelRatio;

  function patternOf(context, kind) {
    const size = 7 * dots;
    const tile = new OffscreenCanvas(size, size);
    const brush = tile.getContext('2d');
    brush.strokeStyle = brush.fillStyle = colourOf(`--fault-${kind}`);
    brush.globalAlpha = kind === 'redis' ? 0.4 : kind === 'nginx' ? 0.6 : 0.16;
    brush.lineWidth = dots;
    if (kind === 'redis') {
      // Three strokes, or the corners of a tile would be visible.
      for (const shift of [-size, 0, size]) {
        brush.moveTo(shift, size);
        brush.lineTo(shift + size, 0);
      }
      brush.stroke();
    } else if (kind === 'nginx') {
      brush.arc(size / 2, size / 2, 1.2 * dots, 0, 2 * Math.PI);
      brush.fill();
    } else {
      brush.fillRect(0, 0, size, size);
    }
    return context.createPattern(tile, 'repeat');
  }

  /** From and to in pixels of the canvas; undefined outside the visible part. */
  function extentOf(plot, { start, end }) {
    const { left, width } = plot.bbox;
    const from = Math.max(left, plot.valToPos(start, 'x', true));
    const to = Math.min(left + width, Math.max(plot.valToPos(end, 'x', true), from + 2 * dots));
    return to > from ? { from, to } : undefined;
  }

  function drawBands(plot) {
    const { ctx: context, bbox } = plot;
    context.save();
    for (const band of bands) {
      const extent = extentOf(plot, band);
      if (!extent) continue;
      const { from, to } = extent;
      context.fillStyle = patternOf(context, band.kind);
      context.fillRect(from, bbox.top, to - from, bbox.height);
      context.fillStyle = colourOf(`--fault-${band.kind}`);
      context.fillRect(
        from,
        isLabelled ? bbox.top - 4 * dots : bbox.top,
        dots * 1.5,
        bbox.height + (isLabelled ? 4 * dots : 0),
      );
    }
    context.restore();
  }

  /** Draws the number, and the name if there is room before the next; a label that would overlap moves one line up. */
  function drawLabels(plot) {
    const { ctx: context, bbox } = plot;
    context.save();
    context.font = `600 ${11 * dots}px system-ui, sans-serif`;
    context.textBaseline = 'bottom';
    context.textAlign = 'left';
    const named = bands.filter(({ number }) => number !== undefined); // the warm-up has none
    const seen = named.map((band) => ({ band, extent: extentOf(plot, band) })).filter(({ extent }) => extent);
    const taken = [0, 0];
    for (const [index, { band, extent }] of seen.entries()) {
      const next = seen[index + 1]?.extent.from ?? bbox.left + bbox.width;
      const full = `${band.number} ${band.fault}`;
      const text = extent.from + context.measureText(full).width < next - 8 * dots ? full : `${band.number}`;
      const line = taken[0] <= extent.from ? 0 : 1;
      if (taken[line] > extent.from) continue;
      taken[line] = extent.from + context.measureText(text).width + 6 * dots;
      context.fillStyle = colourOf(`--fault-${band.kind}`);
      context.fillText(text, extent.from, bbox.top - (5 + 14 * line) * dots);
    }
    context.restore();
  }

  return { hooks: { drawClear: drawBands, ...(isLabelled && { draw: drawLabels }) } };
};
