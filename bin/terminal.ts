import { styleText } from 'node:util';
import { type Progress, silent } from '../load/run/progress.ts';
import { wrap } from '../web/format.ts';

/** Where a command writes. Results always appear; reports, progress and hints not with --quiet or --json. */
export interface Terminal {
  /** Colours text on a terminal; plain in a pipe and with NO_COLOR. */
  style: Style;
  /** Columns of the terminal; Infinity in a pipe. */
  width: number;
  /** Prints a result. */
  print(text: string): void;
  /** Prints what is being done. */
  report(line: string): void;
  /** Prints what to do next. */
  hint(text: string): void;
  /** Reports lines, and shows a state that is rewritten in place. */
  progress: Progress;
  /** Shows `label … 3 s`, or `3 of 10 s` if `seconds` is given, while work takes longer than two seconds. */
  during<T>(label: string, work: Promise<T>, seconds?: number): Promise<T>;
}

export type Style = (format: 'green' | 'red' | 'yellow' | 'bold' | 'dim', text: string) => string;

interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const longMs = 2000;

export function createTerminal(
  { quiet = false, json = false }: { quiet?: boolean | undefined; json?: boolean | undefined },
  out: Output & NodeJS.WritableStream = process.stdout,
): Terminal {
  const width = out.isTTY ? (out.columns ?? 80) : Infinity;
  const style: Style = (format, text) => styleText(format, text, { stream: out as NodeJS.WriteStream });
  const isSilent = quiet || json;
  const progress = isSilent ? silent : createProgress(out);
  const terminal: Terminal = {
    style,
    width,
    print: (text) => void out.write(`${text}\n`),
    report: (line) => progress.report(line),
    hint: (text) => progress.report(style('dim', wrap(text, width))),
    progress,
    async during(label, work, seconds) {
      const start = performance.now();
      const state = () => {
        const passed = Math.round((performance.now() - start) / 1000);
        return `${label} … ${passed}${seconds === undefined ? '' : ` of ${seconds}`} s`;
      };
      let stop = () => {};
      const timer = setTimeout(() => {
        stop = progress.follow(state);
      }, longMs);
      return work.finally(() => {
        clearTimeout(timer);
        stop();
      });
    },
  };
  return terminal;
}

/** On a terminal the state is one line that is rewritten; in a pipe a new line every five seconds. */
export function createProgress(out: Output): Progress {
  let isShown = false;
  const clear = () => {
    if (isShown) out.write('\r\u001b[K');
    isShown = false;
  };
  return {
    report(line) {
      clear();
      out.write(`${line}\n`);
    },
    follow(state) {
      const show = () => {
        if (!out.isTTY) return out.write(`${state()}\n`);
        out.write(`\r\u001b[K${shorten(state(), (out.columns ?? 80) - 1)}`);
        isShown = true;
      };
      const timer = setInterval(show, out.isTTY ? 500 : 5000);
      return () => {
        clearInterval(timer);
        clear();
      };
    },
  };
}

/** Drops the parts after the last separator that fits, so that no word is cut. */
function shorten(state: string, width: number): string {
  let text = state;
  while (text.length > width && text.includes('  ·  ')) text = text.slice(0, text.lastIndexOf('  ·  '));
  return text.slice(0, width);
}

/** Aligns columns; a column of numbers to the right. The last column is wrapped at `width`. */
export function renderTable(head: string[], rows: (string | number)[][], width = Infinity): string {
  const texts = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  const isNumeric = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number' || row[column] === '-'),
  );
  const last = head.length - 1;
  const indent = ' '.repeat(widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0));
  const cell = (text: string, column: number) =>
    isNumeric[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return texts.map((row) => wrap(row.map(cell).join('  ').trimEnd(), width, indent)).join('\n');
}
