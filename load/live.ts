/** What a run tells while it goes on. */
export interface Live {
  /** A line that stays. */
  report(line: string): void;
  /** Shows the present state from now on; the last one, where it is called again. @returns a function that ends it */
  follow(state: () => string): () => void;
}

/** On a terminal the state is one line that changes; elsewhere it is a new line every five seconds. */
export function createLive(out: { isTTY?: boolean; columns?: number; write(text: string): unknown }): Live {
  let shown = false;
  const clear = () => {
    if (shown) out.write('\r\u001b[K');
    shown = false;
  };
  return {
    report(line) {
      clear();
      out.write(`${line}\n`);
    },
    follow(state) {
      const show = () => {
        if (!out.isTTY) return out.write(`${state()}\n`);
        out.write(`\r\u001b[K${state().slice(0, (out.columns ?? 80) - 1)}`);
        shown = true;
      };
      const timer = setInterval(show, out.isTTY ? 500 : 5000);
      return () => {
        clearInterval(timer);
        clear();
      };
    },
  };
}

export const silent: Live = { report: () => {}, follow: () => () => {} };
