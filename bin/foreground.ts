import { FleetError } from '../deploy/fleet/fleet.ts';
import { HistoryError } from '../load/run/history-file.ts';

/** Exit code of a command that Ctrl-C ended, as shells have it. */
export const interrupted = 130;

/** npm forwards the Ctrl-C that the terminal also sends to us: within this time, a second signal is the same one. */
const echoMs = 500;

/**
 * Aborts at the first signal that asks this process to end, or when npm, which started it, is gone. A later signal ends
 * the process at once.
 */
export function endOfProcess(): AbortSignal {
  const ending = new AbortController();
  const parent = process.ppid;
  const isNpms = process.env.npm_lifecycle_event !== undefined && process.env.UNSTICKY_DETACHED === undefined;
  let askedAt: number | undefined;
  const end = () => {
    if (askedAt !== undefined && performance.now() - askedAt > echoMs) process.exit(interrupted);
    askedAt ??= performance.now();
    ending.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
  if (isNpms) setInterval(() => process.ppid !== parent && ending.abort(), 250).unref();
  return ending.signal;
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Prints an error in one line, then the last log lines of the part that failed. */
export function printError(err: unknown): void {
  if (!(err instanceof FleetError || err instanceof HistoryError)) {
    console.error(err);
    return;
  }
  console.error(`unsticky: ${err.message}`);
  if (err instanceof FleetError) for (const line of err.logLines) console.error(`  | ${line.slice(0, 500)}`);
}
