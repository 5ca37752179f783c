import { type Fault, nothing, pickReady, requireState } from './fault.ts';

export const stopReplica: Fault = {
  about: 'a replica is told to stop (SIGTERM), drains, and is started again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, random) {
    const victim = await pickReady(fleet, random);
    await fleet.kill(victim.number, 'SIGTERM');
    await requireState(fleet, victim, 'down');
    return {
      targets: [victim.name],
      landed: `${victim.name} (${victim.runsAs}) has drained and ended`,
      heal: () => fleet.restart(victim.number),
    };
  },
};
