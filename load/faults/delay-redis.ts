import { type Fault, FaultError, namesOf } from './fault.ts';

const oneWayMs = 50;

export const delayRedis: Fault = {
  about: `Redis is far away: every trip to it takes ${2 * oneWayMs} ms longer`,
  seconds: 4,
  mayCost: { failures: 'none', stallMs: 1000, answerMs: 1000 },
  lacks: (fleet) => (fleet.links?.delay ? undefined : 'a way to slow what passes between the replicas and Redis'),
  async apply(fleet, { breaks }) {
    const replicas = await fleet.replicas();
    for (const { number, name } of replicas) {
      breaks([name], async () => fleet.links?.heal(number));
      await fleet.links?.delay?.(number, oneWayMs);
    }
    for (const { number, name } of replicas) {
      const ms = (await fleet.links?.ping(number, 1000)) ?? Infinity;
      if (ms < 2 * oneWayMs) throw new FaultError(`Redis answers ${name} after ${Math.round(ms)} ms`);
    }
    return `${oneWayMs} ms each way between Redis and ${namesOf(replicas)}`;
  },
};
