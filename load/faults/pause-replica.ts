import { type Fault, pickReady, requireState, timeouts } from './fault.ts';

export const pauseReplica: Fault = {
  about: 'a replica hangs (SIGSTOP): it accepts connections and answers none',
  seconds: 5,
  mayCost: timeouts,
  async apply(fleet, scene) {
    const victim = await pickReady(fleet, scene);
    scene.breaks([victim.name], () => fleet.resume(victim.number));
    await fleet.pause(victim.number);
    await requireState(fleet, victim, 'paused');
    return `${victim.name} (${victim.runsAs}) stands still`;
  },
};
