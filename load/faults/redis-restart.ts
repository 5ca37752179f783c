import type { Fault } from './fault.ts';

export const redisRestart: Fault = {
  about: 'Redis is restarted (SIGTERM)',
  mayFail: true,
  async apply(fleet) {
    const start = performance.now();
    await fleet.redis.restart();
    return {
      targets: ['redis'],
      landed: `Redis was back after ${Math.round(performance.now() - start)} ms`,
      heal: async () => {},
    };
  },
};
