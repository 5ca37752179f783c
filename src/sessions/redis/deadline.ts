/** A call was given up. Whether it takes effect is unknown: Redis may still execute it. */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
}

interface Waiting {
  dueAt: number;
  ms: number;
  isInSecondHalf: boolean;
  fail(err: DeadlineError): void;
}

/**
 * Settles calls as they do, or fails them with a DeadlineError after their time.
 *
 * node-redis bounds only the time before a command is written (`commandOptions.timeout`, redis/node-redis#3008): if Redis
 * hangs, a command that was sent waits forever. All calls share one timer, because thousands per second are settled long
 * before they are due.
 *
 * A process that was stopped, or blocked on a busy machine, finds its timer due before it has sent its commands or read what
 * arrived meanwhile. So the second half of a call's time begins only when this process has seen the first one end; and the
 * sockets are read once more before a call is given up.
 */
class Deadlines {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  /** Calls `settle` or `fail`, exactly once. */
  watch<T>(call: Promise<T>, ms: number, settle: (value: T) => void, fail: (err: unknown) => void): void {
    const waiting = { dueAt: performance.now() + ms / 2, ms, isInSecondHalf: false, fail };
    this.#waiting.add(waiting);
    if (waiting.dueAt < this.#firesAt) this.#arm(waiting.dueAt, ms / 2);
    call.then(
      (value) => {
        if (this.#waiting.delete(waiting)) settle(value);
      },
      (err) => {
        if (this.#waiting.delete(waiting)) fail(err);
      },
    );
  }

  #arm(at: number, ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = at;
    this.#timer = setTimeout(() => setImmediate(() => this.#look()), Math.max(1, Math.ceil(ms)));
    this.#timer.unref(); // the connection keeps the process alive
  }

  #look(): void {
    const now = performance.now();
    this.#firesAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const waiting of this.#waiting) {
      if (waiting.dueAt <= now && waiting.isInSecondHalf) {
        this.#waiting.delete(waiting);
        waiting.fail(new DeadlineError(`no answer within ${Math.round(waiting.ms)} ms`));
        continue;
      }
      if (waiting.dueAt <= now) {
        waiting.isInSecondHalf = true;
        waiting.dueAt = now + waiting.ms / 2;
      }
      next = Math.min(next, waiting.dueAt);
    }
    if (next < this.#firesAt) this.#arm(next, next - now);
  }
}

/** Of all calls of this process. */
export const deadlines = new Deadlines();

/** As `work`, which continues by itself if it takes longer. @throws {DeadlineError} then */
export const within = <T>(ms: number, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => deadlines.watch(work, ms, resolve, reject));
