import { type Fault, nothing, pickReady, requireState } from './fault.ts';

export const stopReplica: Fault = {
  about: 'a replica is told to stop (SIGTERM), drains, and is started again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, scene) {
    const victim = await pickReady(fleet, scene);
    scene.breaks([victim.name], () => fleet.restart(victim.number));
    await fleet.kill(victim.number, 'SIGTERM');
    await requireState(fleet, victim, 'down');
    return `${victim.name} (${victim.runsAs}) has drained and ended`;
  },
};
