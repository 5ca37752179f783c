import { type Fault, FaultError, namesOf } from './fault.ts';

const oneWayMs = 50;

export const delayRedis: Fault = {
  about: `Redis is far away: every trip to it takes ${2 * oneWayMs} ms longer`,
  seconds: 4,
  mayCost: { failures: 'none', stallMs: 1000, answerMs: 2000 },
  lacks: (fleet) => (fleet.links?.delay ? undefined : 'a hand on the way from the replicas to Redis'),
  async apply(fleet) {
    const replicas = await fleet.replicas();
    for (const { number } of replicas) await fleet.links?.delay?.(number, oneWayMs);
    for (const { number, name } of replicas) {
      const ms = (await fleet.links?.ping(number, 1000)) ?? 0;
      if (ms < 2 * oneWayMs) throw new FaultError(`Redis answers ${name} after ${Math.round(ms)} ms`);
    }
    return {
      targets: replicas.map(({ name }) => name),
      landed: `${oneWayMs} ms each way between Redis and ${namesOf(replicas)}`,
      async heal() {
        for (const { number } of replicas) await fleet.links?.heal(number);
      },
    };
  },
};
