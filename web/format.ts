/** `26,460` */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 session`, `26,460 sessions` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatNumber(value)} ${value === 1 ? one : many}`;
}

/** A duration: `8.4 ms`, `312 ms`, `1.24 s`, `12.4 s`, `3 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** A moment, as seconds since the run began: `12.431 s`. */
export function formatMoment(ms: number, digits = 3): string {
  return `${(ms / 1000).toFixed(digits)} s`;
}

/** `a`, `a and b`, `a, b and c` */
export function joinWords(words: string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** The same text with its first letter in upper case. */
export function capitalize(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** Breaks text between words at `width`, not before a unit; later lines start with `indent`. A longer word is never cut. */
export function wrap(text: string, width: number, indent = ''): string {
  const start = text.length - text.trimStart().length;
  const lines: string[] = [];
  let line = text.slice(0, start);
  for (const word of text.slice(start).split(/ (?!(?:ms|s|min|[kMGT]?B)\b)|(?<!\d) /)) {
    const isFirst = line.trim() === '';
    if (!isFirst && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line += isFirst ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}
