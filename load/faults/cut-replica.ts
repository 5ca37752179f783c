import { type Fault, FaultError, outage, pickReady, pingMs } from './fault.ts';

/** Only what this replica answers may fail. */
export const cutReplica: Fault = {
  about: 'a replica is cut off from Redis: nothing passes, and nobody is told',
  seconds: 4,
  mayCost: { ...outage, stallMs: 500 },
  lacks: (fleet) => (fleet.links ? undefined : 'a hand on the way from the replicas to Redis'),
  async apply(fleet, scene) {
    const { number, name } = await pickReady(fleet, scene);
    scene.breaks([name], async () => fleet.links?.heal(number));
    await fleet.links?.cut(number);
    const ms = await fleet.links?.ping(number, pingMs);
    if (ms !== null) throw new FaultError(`Redis still answers ${name}`);
    return `nothing passes between ${name} and Redis`;
  },
};
