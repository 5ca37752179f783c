const eighths = ' ▁▂▃▄▅▆▇█';
const height = 6;

/** A point on the horizontal axis that has a name. */
export interface Mark {
  at: number;
  name: string;
}

/**
 * Draws one column for each value, a second each, and under the axis the marks with their names. More values than fit are
 * averaged into as many columns as do.
 */
export function renderPlot(values: number[], marks: Mark[], width = 80): string {
  const top = Math.max(1, ...values);
  const label = Math.round(top).toLocaleString('en');
  const per = Math.max(1, Math.ceil(values.length / Math.max(10, Math.min(width, 200) - label.length - 3)));
  const columns = Array.from({ length: Math.ceil(values.length / per) }, (_, column) => {
    const part = values.slice(column * per, (column + 1) * per);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const rows = Array.from({ length: height }, (_, row) => {
    const floor = height - 1 - row;
    const cells = columns.map((value) => {
      const filled = Math.round((value / top) * height * 8) - floor * 8;
      return eighths[Math.max(0, Math.min(8, filled))];
    });
    const title = row === 0 ? label : row === height - 1 ? '0' : '';
    return `${title.padStart(label.length)} │${cells.join('')}`.trimEnd();
  });
  const margin = ' '.repeat(label.length);
  const axis = Array.from({ length: columns.length }, () => '─');
  const named = marks.map(({ at, name }, index) => {
    axis[Math.min(columns.length - 1, Math.floor(at / per))] = letterOf(index);
    return `${margin}  ${letterOf(index)} ${at} s: ${name}`;
  });
  return [...rows, `${margin} └${axis.join('')}`, `${margin}  0 s to ${values.length} s`, ...named].join('\n');
}

/** a, b, … and again from a. */
const letterOf = (index: number) => String.fromCharCode('a'.charCodeAt(0) + (index % 26));
