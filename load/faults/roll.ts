import { type Fault, nothing, requireReplaced } from './fault.ts';

export const roll: Fault = {
  about: 'the replicas are restarted one after the other (SIGTERM)',
  seconds: 0,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const before = await fleet.replicas();
    breaks(before.map(({ name }) => name));
    await fleet.roll();
    await requireReplaced(fleet, before);
    return `${before.length} replicas started anew`;
  },
};
