import { type Fault, nothing, pickReady, requireState } from './fault.ts';

export const killReplica: Fault = {
  about: 'a replica is killed (SIGKILL) and started again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, random) {
    const victim = await pickReady(fleet, random);
    await fleet.kill(victim.number, 'SIGKILL');
    await requireState(fleet, victim, 'down');
    const served = victim.requestsServed === null ? '' : `, after ${victim.requestsServed} requests`;
    return {
      targets: [victim.name],
      landed: `${victim.name} (${victim.runsAs}) is gone${served}`,
      heal: () => fleet.restart(victim.number),
    };
  },
};
