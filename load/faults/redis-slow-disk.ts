import type { Fault } from './fault.ts';

const fsyncMs = 100;

export const redisSlowDisk: Fault = {
  about: `the disk of Redis is slow: each fsync takes ${fsyncMs} ms`,
  seconds: 4,
  mayCost: { failures: 'writes', stallMs: 1000, answerMs: 1000 },
  lacks: (fleet) => (fleet.redis.slowDisk ? undefined : 'a hand on the disk of Redis'),
  async apply(fleet) {
    await fleet.redis.slowDisk?.(fsyncMs);
    return {
      targets: ['redis'],
      landed: `each fsync of Redis takes ${fsyncMs} ms longer`,
      heal: async () => fleet.redis.slowDisk?.(0),
    };
  },
};
