import { added, askReplica, type Fault, FaultError, namesOf, nothing } from './fault.ts';

export const scaleUp: Fault = {
  about: 'two replicas are added, and removed again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet) {
    const before = await fleet.replicas();
    await fleet.scale(before.length + 2);
    const joined = await added(fleet, before);
    if (joined.length !== 2) throw new FaultError(`${joined.length} replicas were added, not 2`);
    for (const { name } of joined) await askReplica(fleet, name);
    return {
      targets: joined.map(({ name }) => name),
      landed: `${namesOf(joined)} answer`,
      heal: () => fleet.scale(before.length),
    };
  },
};
