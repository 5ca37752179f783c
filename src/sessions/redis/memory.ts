const refreshMs = 1000;

/**
 * How much of its memory Redis uses, looked at in the background at most once a second, when it is asked for: a flood of new
 * sessions may take a second's worth more than its share.
 */
export class RedisMemory {
  readonly #readInfo: () => Promise<string>;
  #usedShare = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(readInfo: () => Promise<string>) {
    this.#readInfo = readInfo;
  }

  /**
   * From 0 to 1, or somewhat more. 0 until Redis was asked, if this user may not ask, and if Redis has no limit (maxmemory) or
   * makes room by itself (an eviction policy): such a Redis is always full.
   */
  get usedShare(): number {
    const now = performance.now();
    if (now - this.#readAt > refreshMs) {
      this.#readAt = now;
      this.#read().catch(() => {}); // asked again in a second
    }
    return this.#usedShare;
  }

  async #read(): Promise<void> {
    const info = await this.#readInfo();
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    const limit = field('maxmemory');
    const refuses = limit > 0 && /^maxmemory_policy:noeviction\b/m.test(info);
    this.#usedShare = refuses ? field('used_memory') / limit : 0;
  }
}
