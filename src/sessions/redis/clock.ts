const refreshMs = 60_000;

/**
 * Redis's clock. All replicas use it, because theirs may differ: one that is minutes ahead would end sessions early.
 * Between two readings it continues with this process's monotonic clock.
 */
export class RedisClock {
  readonly #readTime: () => Promise<[seconds: string, micros: string]>;
  #offsetMs: number | undefined;
  #readAt = 0;
  #reading: Promise<void> | undefined;

  constructor(readTime: () => Promise<[seconds: string, micros: string]>) {
    this.#readTime = readTime;
  }

  /** Milliseconds since 1970. Asks Redis at the first call; later calls answer at once. */
  async now(): Promise<number> {
    if (this.#offsetMs === undefined) await this.#read();
    return this.known as number;
  }

  /** The same at once; undefined if Redis has not been asked yet. Asks it again in the background each minute. */
  get known(): number | undefined {
    if (this.#offsetMs === undefined) return undefined;
    const now = performance.now();
    if (now - this.#readAt > refreshMs) this.#read().catch(() => {}); // the next call asks again
    return Math.round(this.#offsetMs + now);
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const asked = performance.now();
    const [seconds, micros] = await this.#readTime();
    this.#readAt = performance.now();
    // Redis read its clock somewhere in between.
    this.#offsetMs = Number(seconds) * 1000 + Number(micros) / 1000 - (asked + this.#readAt) / 2;
  }
}
