import { type Fault, pickReady, requireState, timeouts } from './fault.ts';

export const pauseReplica: Fault = {
  about: 'a replica hangs (SIGSTOP): it accepts connections and answers none',
  seconds: 5,
  mayCost: timeouts,
  async apply(fleet, random) {
    const victim = await pickReady(fleet, random);
    await fleet.pause(victim.number);
    await requireState(fleet, victim, 'paused');
    return {
      targets: [victim.name],
      landed: `${victim.name} (${victim.runsAs}) stands still`,
      heal: () => fleet.resume(victim.number),
    };
  },
};
