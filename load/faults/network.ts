import { type Fault, FaultError, namesOf, outage, pickReady, pingMs } from './fault.ts';

const oneWayMs = 50;

/** Faults of the connections between the replicas and Redis. */
export const networkFaults = {
  /** Only responses of the replica that is cut off may fail. */
  'cut-replica': {
    about: 'a replica is cut off from Redis: packets are dropped silently',
    target: 'network',
    seconds: 4,
    impactBudget: { ...outage, stallMs: 500 },
    missingCapability: (fleet) => (fleet.network ? undefined : 'cutting a replica off from Redis'),
    async apply(fleet, context) {
      const { number, name } = await pickReady(fleet, context);
      context.declare([name], async () => fleet.network?.heal(number));
      await fleet.network?.cut(number);
      const ms = await fleet.network?.ping(number, pingMs);
      if (ms !== null) throw new FaultError(`Redis still answers ${name}`);
      return `no packet passes between ${name} and Redis`;
    },
  },

  'delay-redis': {
    about: `Redis is far away: every round trip takes ${2 * oneWayMs} ms longer`,
    target: 'network',
    seconds: 4,
    impactBudget: { failures: 'none', stallMs: 1000, answerMs: 1000 },
    missingCapability: (fleet) =>
      fleet.network?.delay ? undefined : 'delaying the traffic between replicas and Redis',
    async apply(fleet, { declare }) {
      const replicas = await fleet.replicas();
      for (const { number, name } of replicas) {
        declare([name], async () => fleet.network?.heal(number));
        await fleet.network?.delay?.(number, oneWayMs);
      }
      for (const { number, name } of replicas) {
        const ms = (await fleet.network?.ping(number, 1000)) ?? Infinity;
        if (ms < 2 * oneWayMs) throw new FaultError(`Redis answers ${name} within ${Math.round(ms)} ms`);
      }
      return `${oneWayMs} ms each way between Redis and ${namesOf(replicas)}`;
    },
  },

  'reset-redis': {
    about: 'every connection to Redis is reset (TCP RST)',
    target: 'network',
    seconds: 0,
    impactBudget: { failures: 'all', stallMs: 1000, answerMs: 1000 }, // replicas may reconnect before a request needs Redis
    missingCapability: (fleet) => (fleet.network?.reset ? undefined : 'resetting the connections to Redis'),
    async apply(fleet, { declare }) {
      const replicas = await fleet.replicas();
      declare(replicas.map(({ name }) => name));
      const counts = await Promise.all(replicas.map(({ number }) => fleet.network?.reset?.(number)));
      const idle = replicas.filter((_, index) => !counts[index]);
      if (idle.length > 0) throw new FaultError(`${namesOf(idle)} had no connection to Redis`);
      return `the connections of ${namesOf(replicas)} to Redis were reset`;
    },
  },
} as const satisfies Record<string, Fault>;
