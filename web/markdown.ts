/** A Markdown table with aligned columns. */
export function renderMarkdownTable(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Between these a document has what a command writes: `compare`, or a command and its argument. */
export function markersOf(command: string): [begin: string, end: string] {
  return [`<!-- ${command}: written by npm run ${command.replace(' ', ' -- ')} -->`, `<!-- /${command} -->`];
}

/** @throws {Error} if the text does not have both markers of the command */
export function replaceBetweenMarkers(text: string, command: string, content: string): string {
  const markers = markersOf(command);
  const [begin, end] = markers.map((marker) => text.indexOf(marker)) as [number, number];
  if (begin < 0 || end < begin) throw new Error(`the file needs the markers ${markers.join(' and ')}, in this order`);
  return `${text.slice(0, begin + markers[0].length)}\n\n${content}\n\n${text.slice(end)}`;
}
