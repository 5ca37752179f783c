import { type Fault, FaultError } from './fault.ts';

export const roll: Fault = {
  about: 'the replicas are restarted one after the other (SIGTERM)',
  mayFail: false,
  async apply(fleet) {
    const before = await fleet.replicas();
    await fleet.roll();
    const after = await fleet.replicas();
    const same = before.filter(
      ({ number, since }) => after.find((replica) => replica.number === number)?.since === since,
    );
    if (same.length > 0) throw new FaultError(`${same.map(({ name }) => name).join(', ')} was not restarted`);
    return {
      targets: before.map(({ name }) => name),
      landed: `${before.length} replicas started anew`,
      heal: async () => {},
    };
  },
};
