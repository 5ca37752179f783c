const refreshMs = 1000;

/**
 * How much of its memory Redis uses, looked at in the background at most once a second, when it is asked for: a flood of new
 * sessions may take a second's worth more than its share.
 */
export class RedisMemory {
  readonly #readInfo: () => Promise<string>;
  #usedShare = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(readInfo: () => Promise<string>) {
    this.#readInfo = readInfo;
  }

  /**
   * Whether more than this share (0 to 1) is used. Never so if this user may not ask, or if Redis has no limit (maxmemory) or
   * makes room by itself (an eviction policy): such a Redis is always full. An earlier reading can say no, but only a new one
   * yes: Redis may have got room since, however long ago it was asked.
   */
  async isBeyond(share: number): Promise<boolean> {
    if (this.#usedShare > share) await this.#read();
    else if (performance.now() - this.#readAt > refreshMs) void this.#read();
    return this.#usedShare > share;
  }

  /** Requests that ask at the same time share one reading. */
  #read(): Promise<void> {
    this.#readAt = performance.now();
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const info = await this.#readInfo().catch(() => '');
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    const limit = field('maxmemory');
    const refuses = limit > 0 && /^maxmemory_policy:noeviction\b/m.test(info);
    this.#usedShare = refuses ? field('used_memory') / limit : 0;
  }
}
