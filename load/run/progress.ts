/** Reports what a run does while it runs. */
export interface Progress {
  /** Prints a line that stays. */
  report(line: string): void;
  /** Shows the present state until the returned function is called. */
  follow(state: () => string): () => void;
}

export const silent: Progress = { report: () => {}, follow: () => () => {} };
