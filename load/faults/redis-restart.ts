import { type Fault, FaultError } from './fault.ts';

/** Nothing depends on it, and it is kept until the next start alone. */
const parameter = 'slowlog-max-len';

export const redisRestart: Fault = {
  about: 'Redis is restarted (SIGTERM)',
  seconds: 0,
  mayCost: { failures: 'all', stallMs: null, answerMs: 1000 }, // it may be back before anybody asks
  async apply(fleet, { breaks }) {
    const before = await fleet.redis.configure(parameter, '77');
    breaks(['redis']);
    const start = performance.now();
    await fleet.redis.restart();
    const ms = Math.round(performance.now() - start);
    if ((await fleet.redis.configure(parameter, before)) === '77') throw new FaultError('Redis runs as before');
    return `Redis was back after ${ms} ms, with nothing but its file`;
  },
};
