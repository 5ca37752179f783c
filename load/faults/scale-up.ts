import { added, askReplica, type Fault, FaultError, namesOf, nothing } from './fault.ts';

export const scaleUp: Fault = {
  about: 'two replicas are added, and removed again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const before = await fleet.replicas();
    breaks([], () => fleet.scale(before.length));
    await fleet.scale(before.length + 2);
    const joined = await added(fleet, before);
    breaks(joined.map(({ name }) => name));
    if (joined.length !== 2) throw new FaultError(`${joined.length} replicas were added, not 2`);
    for (const { name } of joined) await askReplica(fleet, name);
    return `${namesOf(joined)} answer`;
  },
};
