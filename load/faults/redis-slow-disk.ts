import { type Fault, FaultError, logInAnew } from './fault.ts';

const fsyncMs = 100;

export const redisSlowDisk: Fault = {
  about: `the disk of Redis is slow: each fsync takes ${fsyncMs} ms`,
  seconds: 4,
  mayCost: { failures: 'writes', stallMs: 1000, answerMs: 1000 },
  lacks: (fleet) => (fleet.redis.slowDisk ? undefined : 'a hand on the disk of Redis'),
  async apply(fleet, { breaks }) {
    const { http } = await fleet.describe();
    breaks(['redis'], async () => fleet.redis.slowDisk?.(0));
    await fleet.redis.slowDisk?.(fsyncMs);
    const start = performance.now();
    await logInAnew(http).catch(() => {}); // it may be too slow for that
    const ms = Math.round(performance.now() - start);
    if (ms < fsyncMs) throw new FaultError(`a login was saved within ${ms} ms`);
    return `each fsync of Redis takes ${fsyncMs} ms longer: a login took ${ms} ms`;
  },
};
