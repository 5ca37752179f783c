import { type Fault, FaultError, outage, pickReady, pingMs } from './fault.ts';

/** Only what this replica answers may fail. */
export const cutReplica: Fault = {
  about: 'a replica is cut off from Redis: nothing passes, and nobody is told',
  seconds: 4,
  mayCost: { ...outage, stallMs: 500 },
  lacks: (fleet) => (fleet.links ? undefined : 'a hand on the way from the replicas to Redis'),
  async apply(fleet, random) {
    const victim = await pickReady(fleet, random);
    await fleet.links?.cut(victim.number);
    const ms = await fleet.links?.ping(victim.number, pingMs);
    if (ms !== null) throw new FaultError(`Redis still answers ${victim.name}`);
    return {
      targets: [victim.name],
      landed: `nothing passes between ${victim.name} and Redis`,
      heal: async () => fleet.links?.heal(victim.number),
    };
  },
};
