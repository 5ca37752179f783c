import type { Fault } from './fault.ts';

export const redisRestart: Fault = {
  about: 'Redis is restarted (SIGTERM)',
  seconds: 0,
  mayCost: { failures: 'all', stallMs: null, answerMs: 1000 }, // it may be back before anybody asks
  async apply(fleet) {
    const start = performance.now();
    await fleet.redis.restart();
    const ms = Math.round(performance.now() - start);
    return { targets: ['redis'], landed: `Redis was back after ${ms} ms` };
  },
};
