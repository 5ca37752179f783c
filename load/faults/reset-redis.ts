import { type Fault, FaultError, namesOf } from './fault.ts';

export const resetRedis: Fault = {
  about: 'every connection to Redis is reset (TCP RST)',
  seconds: 0,
  mayCost: { failures: 'all', stallMs: 1000, answerMs: 1000 }, // connections may be new before anybody asks
  lacks: (fleet) => (fleet.links?.reset ? undefined : 'a way to reset what is open between the replicas and Redis'),
  async apply(fleet, { breaks }) {
    const replicas = await fleet.replicas();
    breaks(replicas.map(({ name }) => name));
    const counts = await Promise.all(replicas.map(({ number }) => fleet.links?.reset?.(number)));
    const idle = replicas.filter((_, index) => !counts[index]);
    if (idle.length > 0) throw new FaultError(`${namesOf(idle)} had no connection to Redis`);
    return `the connections of ${namesOf(replicas)} to Redis were reset`;
  },
};
