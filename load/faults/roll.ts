import { type Fault, nothing, requireReplaced } from './fault.ts';

export const roll: Fault = {
  about: 'the replicas are restarted one after the other (SIGTERM)',
  seconds: 0,
  mayCost: nothing,
  async apply(fleet) {
    const before = await fleet.replicas();
    await fleet.roll();
    await requireReplaced(fleet, before);
    return { targets: before.map(({ name }) => name), landed: `${before.length} replicas started anew` };
  },
};
