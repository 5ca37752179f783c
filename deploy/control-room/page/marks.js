import { colourOf } from './dom.js';

/** Marks faults and actions on a plot, with their names if there is room. */
export function createMarks(marks, isLabelled) {
  const placed = (plot) => {
    const { left, width } = plot.bbox;
    return marks()
      .map((mark) => ({ ...mark, x: plot.valToPos(mark.at / 1000, 'x', true) }))
      .filter(({ x }) => x >= left && x <= left + width);
  };

  function drawLines(plot) {
    const { ctx: context, bbox } = plot;
    const dots = devicePixelRatio;
    context.save();
    for (const { x, kind } of placed(plot)) {
      context.fillStyle = colourOf(`--fault-${kind}`);
      context.fillRect(
        x,
        bbox.top - (isLabelled ? 4 * dots : 0),
        1.5 * dots,
        bbox.height + (isLabelled ? 4 * dots : 0),
      );
    }
    context.restore();
  }

  /** A name that would overlap moves one line up; without room there it is only in the event log. */
  function drawLabels(plot) {
    const { ctx: context, bbox } = plot;
    const dots = devicePixelRatio;
    context.save();
    context.font = `600 ${11 * dots}px system-ui, sans-serif`;
    context.textBaseline = 'bottom';
    context.textAlign = 'left';
    const right = bbox.left + bbox.width;
    const taken = [Infinity, Infinity];
    // The latest first: it is the most interesting.
    for (const { x, kind, name } of placed(plot).toReversed()) {
      const width = context.measureText(name).width;
      const start = Math.max(bbox.left, Math.min(x, right - width));
      const line = taken.findIndex((from) => start + width + 8 * dots < from || from === Infinity);
      if (line < 0) continue;
      taken[line] = start;
      context.fillStyle = colourOf(`--fault-${kind}`);
      context.fillText(name, start, bbox.top - (5 + 14 * line) * dots);
    }
    context.restore();
  }

  return { hooks: { drawClear: drawLines, ...(isLabelled && { draw: drawLabels }) } };
}
