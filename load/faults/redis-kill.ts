import { type Fault, outage, requireSilence } from './fault.ts';

export const redisKill: Fault = {
  about: 'Redis is killed (SIGKILL) and started again with its append-only file',
  seconds: 0.5,
  mayCost: outage,
  async apply(fleet, { breaks }) {
    breaks(['redis'], () => fleet.redis.start());
    await fleet.redis.kill('SIGKILL');
    await requireSilence(fleet);
    return 'Redis is gone: it answers nobody';
  },
};
