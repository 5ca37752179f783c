import { type Fault, FaultError, nothing } from './fault.ts';

export const scaleDown: Fault = {
  about: 'a replica is removed, and one is added again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet) {
    const before = await fleet.replicas();
    if (before.length < 2) throw new FaultError('it needs two replicas');
    await fleet.scale(before.length - 1);
    const after = await fleet.replicas();
    const gone = before.filter(({ name }) => !after.some((replica) => replica.name === name));
    if (gone.length !== 1) throw new FaultError(`${gone.length} replicas were removed, not 1`);
    return {
      targets: gone.map(({ name }) => name),
      landed: `${gone[0]?.name} is gone, ${after.length} are left`,
      heal: () => fleet.scale(before.length),
    };
  },
};
