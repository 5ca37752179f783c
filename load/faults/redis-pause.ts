import { type Fault, outage, requireSilence } from './fault.ts';

export const redisPause: Fault = {
  about: 'Redis hangs (SIGSTOP) for 3 s: its connections stay open, and nothing answers',
  seconds: 3,
  mayCost: outage,
  async apply(fleet, { breaks }) {
    breaks(['redis'], () => fleet.redis.resume());
    await fleet.redis.pause();
    await requireSilence(fleet);
    return 'Redis stands still: it answers nobody';
  },
};
