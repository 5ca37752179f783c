const refreshMs = 1000;

/**
 * How much of its memory Redis uses, looked at in the background at most once a second and only while somebody asks: a flood
 * of new sessions may take a second's worth more than its share.
 */
export class RedisMemory {
  readonly #readInfo: () => Promise<string>;
  #usedShare = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(readInfo: () => Promise<string>) {
    this.#readInfo = readInfo;
  }

  /** From 0 to 1, or somewhat more. 0 until Redis was asked, if it has no limit (maxmemory), or does not let this user ask. */
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
    this.#usedShare = limit > 0 ? field('used_memory') / limit : 0;
  }
}
