import { type Fault, outage, requireSilence } from './fault.ts';

export const redisPause: Fault = {
  about: 'Redis hangs (SIGSTOP) for 3 s: its connections stay open, and nothing answers',
  seconds: 3,
  mayCost: outage,
  async apply(fleet) {
    await fleet.redis.pause();
    await requireSilence(fleet);
    return { targets: ['redis'], landed: 'Redis stands still: it answers nobody', heal: () => fleet.redis.resume() };
  },
};
