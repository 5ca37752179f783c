import { type Fault, FaultError, namesOf, nothing } from './fault.ts';

export const scaleDown: Fault = {
  about: 'a replica is removed, and one is added again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const before = await fleet.replicas();
    if (before.length < 2) throw new FaultError('it needs two replicas');
    breaks([], () => fleet.scale(before.length));
    await fleet.scale(before.length - 1);
    const after = await fleet.replicas();
    const gone = before.filter(({ name }) => !after.some((replica) => replica.name === name));
    breaks(gone.map(({ name }) => name));
    if (gone.length !== 1) throw new FaultError(`${gone.length} replicas were removed, not 1`);
    return `${namesOf(gone)} is gone, ${after.length} are left`;
  },
};
