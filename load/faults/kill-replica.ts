import { type Fault, nothing, pickReady, requireState } from './fault.ts';

export const killReplica: Fault = {
  about: 'a replica is killed (SIGKILL) and started again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, scene) {
    const victim = await pickReady(fleet, scene);
    scene.breaks([victim.name], () => fleet.restart(victim.number));
    await fleet.kill(victim.number, 'SIGKILL');
    await requireState(fleet, victim, 'down');
    const served = victim.requestsServed === null ? '' : `, after ${victim.requestsServed} requests`;
    return `${victim.name} (${victim.runsAs}) is gone${served}`;
  },
};
