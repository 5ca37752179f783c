import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';
import type { ImpactBudget } from '../users/history.ts';
import { type Fault, FaultError, type FaultContext } from './fault.ts';

/** 503 within a second while there is no primary, and five seconds after its end there is one. */
const failover: ImpactBudget = {
  failures: 'all',
  stallMs: 5000,
  answerMs: 1000,
  mayForgetUnknown: true,
};
const electionMs = 10_000;
const movedSlots = 50;

/** A Redis that a fault can fail over. */
type Replicated = Fleet['redis'] & Required<Pick<Fleet['redis'], 'primary' | 'failOver' | 'isolatePrimary'>>;

const missingCapability = ({ redis }: Fleet) =>
  redis.primary ? undefined : 'a Redis with replicas (--redis sentinel, or cluster)';

/** @returns the evidence, once another server is the primary @throws {FaultError} */
async function requireFailover({ primary }: Replicated, old: string): Promise<string> {
  const start = performance.now();
  const isReplaced = async () => (await primary()) !== old;
  await waitFor(`${old} is replaced`, isReplaced, { timeoutMs: electionMs, everyMs: 250 }).catch((err: Error) => {
    throw new FaultError(err.message, { cause: err });
  });
  return `${await primary()} replaced ${old} after ${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Breaks the primary, and waits for its successor. */
function breaking(
  about: string,
  breakIt: (redis: Replicated) => Promise<void>,
  heal: (redis: Replicated) => Promise<void>,
  impactBudget: ImpactBudget = { ...failover, mustFail: true },
): Fault {
  return {
    about,
    target: 'redis',
    seconds: 2,
    impactBudget,
    missingCapability,
    async apply(fleet: Fleet, { declare }: FaultContext) {
      const redis = fleet.redis as Replicated;
      const old = await redis.primary();
      declare(['redis'], () => heal(redis));
      await breakIt(redis);
      return requireFailover(redis, old);
    },
  };
}

/** Faults of a Redis with replicas: with sentinels, or a Cluster, of which they hit the primary of a third. */
export const failoverFaults = {
  'redis-failover': breaking(
    'the primary of Redis is killed: a replica takes over, and it comes back as a replica',
    (redis) => redis.kill('SIGKILL'),
    (redis) => redis.start(),
  ),
  'redis-failover-hang': breaking(
    'the primary of Redis hangs: a replica takes over, and it continues as if nothing had happened',
    (redis) => redis.pause(),
    (redis) => redis.resume(),
  ),
  'redis-failover-alive': breaking(
    'the primary of Redis is replaced while it is alive, as by a false alarm: its other replica confirms what it writes',
    (redis) => redis.failOver(),
    async () => {}, // it becomes a replica by itself
    failover, // in a Cluster the primary waits for its successor, and no request need fail
  ),
  'redis-failover-behind': breaking(
    'the replicas of Redis hear nothing of the primary for half a second; then it is killed, and one of them takes over',
    async (redis) => {
      await redis.isolatePrimary();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await redis.kill('SIGKILL');
    },
    (redis) => redis.start(),
  ),
  'sentinels-lost': {
    about: 'two of three sentinels are killed: nothing confirms any longer who is the primary',
    target: 'redis',
    seconds: 3,
    impactBudget: { failures: 'writes', stallMs: 1000, answerMs: 1000, mustFail: true },
    missingCapability: ({ redis }: Fleet) => (redis.sentinels ? undefined : 'sentinels (--redis sentinel)'),
    async apply(fleet: Fleet, { declare }: FaultContext) {
      const sentinels = fleet.redis.sentinels as NonNullable<Fleet['redis']['sentinels']>;
      declare(['redis'], sentinels.start);
      await sentinels.kill();
      return 'one sentinel of three is left';
    },
  },

  'redis-reshard': {
    about: 'slots of a Cluster that hold sessions move from one primary to another',
    target: 'redis',
    seconds: 0,
    impactBudget: { failures: 'writes', stallMs: 1000, answerMs: 1000 },
    missingCapability: ({ redis }: Fleet) => (redis.moveSlots ? undefined : 'a Cluster (--redis cluster)'),
    async apply(fleet: Fleet, { declare }: FaultContext) {
      declare(['redis']);
      return (await fleet.redis.moveSlots?.(movedSlots)) ?? '';
    },
  },
} as const satisfies Record<string, Fault>;
