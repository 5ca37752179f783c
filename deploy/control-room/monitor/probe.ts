import { withTimeout } from '../../fleet/wait.ts';

/** A question that is asked repeatedly: the last answer, or why there is none. */
export interface Probe<T> {
  /** Undefined before the first answer and after an error. */
  readonly value: T | undefined;
  /** Why there is no answer; undefined if there is one. */
  readonly problem: string | undefined;
  /** When the last answer came, in milliseconds of performance.now(). */
  readonly at: number;
  /** Asks, unless it is too early, and waits at most `patienceMs`: a later answer is there the next time. Never rejects. */
  ask(patienceMs: number): Promise<void>;
  /** Makes the next `ask` not too early; an answer that is pending may be about the state before, and is asked for again. */
  refreshSoon(): void;
}

export interface ProbeOptions {
  /** The shortest interval. */
  everyMs?: number;
  /** After this time without an answer, there is none. */
  limitMs?: number;
  /** An error this soon after an answer is ignored, unless it is a LastingError. */
  graceMs?: number;
  /** Called when an answer has come. */
  onAnswer?(): void;
}

/** An error that will not pass by itself. */
export class LastingError extends Error {
  override name = 'LastingError';
}

/** The problem of a probe before its first answer. */
export const notAsked = 'not asked yet';

/** A slow question takes at most this share of the time, but is asked every two seconds: Docker answers slowly. */
const share = 0.1;
const maxIntervalMs = 2000;
/** A question without an answer is abandoned after this time and asked again. */
const abandonMs = 30_000;

/** Creates a probe that never asks twice at once. */
export function createProbe<T>(
  question: () => Promise<T>,
  { everyMs = 0, limitMs = 3000, graceMs = 0, onAnswer }: ProbeOptions = {},
): Probe<T> {
  let earliest = 0;
  let startedAt = 0;
  let pending: Promise<void> | undefined;
  let isStale = false;

  async function run(): Promise<void> {
    const start = performance.now();
    startedAt = start;
    const isLatest = () => startedAt === start;
    const { value, error } = await question().then(
      (value) => ({ value, error: undefined }),
      (error: Error) => ({ value: undefined, error }),
    );
    if (!isLatest()) return;
    const now = performance.now();
    const isPassing = error && !(error instanceof LastingError) && now - probe.at < graceMs;
    if (!isPassing || probe.value === undefined) Object.assign(probe, { value, problem: error?.message });
    if (!error) probe.at = now;
    earliest = start + Math.max(everyMs, Math.min((now - start) / share, maxIntervalMs));
    pending = undefined;
    if (!error) onAnswer?.();
    if (!isStale) return;
    isStale = false;
    pending = run();
    await pending;
  }

  const probe = {
    value: undefined as T | undefined,
    problem: notAsked as string | undefined,
    at: 0,
    async ask(patienceMs: number): Promise<void> {
      const now = performance.now();
      if (pending && now - startedAt > limitMs) {
        probe.value = undefined;
        probe.problem = `no answer for ${Math.round((now - startedAt) / 1000)} s`;
      }
      if (pending && now - startedAt > abandonMs) pending = undefined;
      if (!pending && now < earliest) return;
      pending ??= run();
      await withTimeout(pending, patienceMs);
    },
    refreshSoon(): void {
      earliest = 0;
      isStale = pending !== undefined;
    },
  };
  return probe;
}
