import { setTimeout as sleep } from 'node:timers/promises';

/** A question that is asked again and again: the last answer, or why there is none. */
export interface Probe<T> {
  /** Undefined until there is an answer, and after one that was an error. */
  readonly value: T | undefined;
  /** Why there is no answer; undefined where there is one. */
  readonly problem: string | undefined;
  /** When the last answer came, in milliseconds of performance.now(). */
  readonly at: number;
  /** Asks, unless it is too early, and waits `patienceMs` at most: what comes later is there the next time. Never rejects. */
  ask(patienceMs: number): Promise<void>;
  /** The next time it is not too early. */
  hurry(): void;
}

export interface ProbeOptions {
  /** Not more often than this. */
  everyMs?: number;
  /** No answer for so long is said to be none. */
  limitMs?: number;
  /** An error is passed over for so long after an answer, unless it is a LastingError. */
  graceMs?: number;
}

/** One that the next question will not be spared. */
export class LastingError extends Error {
  override name = 'LastingError';
}

/** What costs more than this part of the time is asked less often, but every two seconds: Docker answers slowly. */
const share = 0.1;
const seldomMs = 2000;
/** One that never ends is forgotten, and asked again. */
const forgetMs = 30_000;

/** Never asks twice at once. */
export function createProbe<T>(
  question: () => Promise<T>,
  { everyMs = 0, limitMs = 3000, graceMs = 0 }: ProbeOptions = {},
): Probe<T> {
  let value: T | undefined;
  let problem: string | undefined = 'not asked yet';
  let [at, earliest, startedAt] = [0, 0, 0];
  let underWay: Promise<void> | undefined;
  let isHurried = false;

  async function run(): Promise<void> {
    const start = performance.now();
    startedAt = start;
    const isLatest = () => startedAt === start;
    const outcome = await question().then(
      (value) => ({ value, problem: undefined }),
      (err: Error) => ({ value: undefined, problem: err }),
    );
    if (!isLatest()) return;
    const now = performance.now();
    const isPassing = outcome.problem && !(outcome.problem instanceof LastingError) && now - at < graceMs;
    if (!isPassing || value === undefined) [value, problem] = [outcome.value, outcome.problem?.message];
    if (!outcome.problem) at = now;
    earliest = isHurried ? 0 : start + Math.max(everyMs, Math.min((now - start) / share, seldomMs));
    isHurried = false;
    underWay = undefined;
  }

  return {
    get value() {
      return value;
    },
    get problem() {
      return problem;
    },
    get at() {
      return at;
    },
    async ask(patienceMs) {
      const now = performance.now();
      if (underWay && now - startedAt > limitMs) {
        value = undefined;
        problem = `no answer for ${Math.round((now - startedAt) / 1000)} s`;
      }
      if (underWay && now - startedAt > forgetMs) underWay = undefined;
      if (!underWay && now < earliest) return;
      underWay ??= run();
      const patience = new AbortController();
      await Promise.race([underWay, sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => {})]);
      patience.abort();
    },
    hurry() {
      earliest = 0;
      isHurried = underWay !== undefined; // what is being asked may be answered with what was before
    },
  };
}
