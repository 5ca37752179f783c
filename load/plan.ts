import type { Fleet } from '../deploy/fleet/fleet.ts';
import { clockSkew } from './faults/clock-skew.ts';
import { cutReplica } from './faults/cut-replica.ts';
import { delayRedis } from './faults/delay-redis.ts';
import { deploy } from './faults/deploy.ts';
import type { Fault } from './faults/fault.ts';
import { killAllButOne } from './faults/kill-all-but-one.ts';
import { killNginx } from './faults/kill-nginx.ts';
import { killReplica } from './faults/kill-replica.ts';
import { mixedVersions } from './faults/mixed-versions.ts';
import { pauseReplica } from './faults/pause-replica.ts';
import { redisFull } from './faults/redis-full.ts';
import { redisKill } from './faults/redis-kill.ts';
import { redisOutage } from './faults/redis-outage.ts';
import { redisPause } from './faults/redis-pause.ts';
import { redisRestart } from './faults/redis-restart.ts';
import { redisSlowDisk } from './faults/redis-slow-disk.ts';
import { reloadNginx } from './faults/reload-nginx.ts';
import { resetRedis } from './faults/reset-redis.ts';
import { roll } from './faults/roll.ts';
import { rotateSecret } from './faults/rotate-secret.ts';
import { scaleDown } from './faults/scale-down.ts';
import { scaleUp } from './faults/scale-up.ts';
import { stopReplica } from './faults/stop-replica.ts';

export const faults: Record<string, Fault> = {
  'kill-replica': killReplica,
  'stop-replica': stopReplica,
  'pause-replica': pauseReplica,
  'kill-all-but-one': killAllButOne,
  roll,
  'scale-up': scaleUp,
  'scale-down': scaleDown,
  deploy,
  'rotate-secret': rotateSecret,
  'reload-nginx': reloadNginx,
  'clock-skew': clockSkew,
  'mixed-versions': mixedVersions,
  'redis-kill': redisKill,
  'redis-restart': redisRestart,
  'redis-pause': redisPause,
  'redis-outage': redisOutage,
  'redis-full': redisFull,
  'redis-slow-disk': redisSlowDisk,
  'cut-replica': cutReplica,
  'delay-redis': delayRedis,
  'reset-redis': resetRedis,
  'kill-nginx': killNginx,
};

/** A fault, when it comes, and what comes with it. */
export interface Step {
  fault: string;
  /** Seconds without a fault before it. */
  after?: number;
  /** Seconds from its start to its healing; each fault has its own. */
  seconds?: number;
  /** Steps that begin together with this one, their `after` counted from when it begins to break something. */
  with?: Step[];
}

/** What happens in a run. It is data. */
export interface Plan {
  about: string;
  steps: Step[];
  /** Seconds without a fault before each step that does not say otherwise. */
  calmSeconds: number;
  /** Users go on at least this long. */
  seconds?: number;
  /** Once through the steps, more are drawn until the seconds are over. */
  isDrawn?: true;
}

const calmSeconds = 3;

const alone = Object.fromEntries(
  Object.entries(faults).map(([name, { about }]): [string, Plan] => [
    name,
    { about, calmSeconds, steps: [{ fault: name }] },
  ]),
);

const pairs: Record<string, Plan> = {
  'kill-replica-while-redis-hangs': {
    about: 'a replica is killed, and started again, while Redis hangs',
    calmSeconds,
    steps: [{ fault: 'redis-pause', seconds: 4, with: [{ fault: 'kill-replica', after: 1, seconds: 2 }] }],
  },
  'kill-redis-while-rolling': {
    about: 'Redis is killed while the replicas are restarted one after the other',
    calmSeconds,
    steps: [{ fault: 'roll', with: [{ fault: 'redis-kill', after: 1 }] }],
  },
  'kill-replica-while-one-is-cut': {
    about: 'a replica is killed while one is cut off from Redis',
    calmSeconds,
    steps: [{ fault: 'cut-replica', with: [{ fault: 'kill-replica', after: 1, seconds: 2 }] }],
  },
  'reload-nginx-while-one-hangs': {
    about: 'nginx reads its configuration anew while a replica hangs',
    calmSeconds,
    steps: [{ fault: 'pause-replica', with: [{ fault: 'reload-nginx', after: 1 }] }],
  },
};

const every = [...Object.values(alone), ...Object.values(pairs)].flatMap(({ steps }) => steps);

export const plans: Record<string, Plan> = {
  ...alone,
  ...pairs,
  demo: {
    about: 'a replica is killed, all are restarted one after the other, Redis is restarted',
    calmSeconds,
    seconds: 20,
    steps: [{ fault: 'kill-replica' }, { fault: 'roll' }, { fault: 'redis-restart' }],
  },
  compare: {
    about: 'a replica is killed, all are restarted, Redis is killed, hangs, and is out of memory',
    calmSeconds,
    steps: [
      { fault: 'kill-replica' },
      { fault: 'roll' },
      { fault: 'redis-kill', seconds: 2 },
      { fault: 'redis-pause' },
      { fault: 'redis-full' },
    ],
  },
  core: {
    about: 'what every fleet can have: a replica is killed, hangs, all are rolled, scaled up and down, Redis is killed',
    calmSeconds,
    steps: ['kill-replica', 'pause-replica', 'roll', 'scale-up', 'scale-down', 'redis-kill'].map((fault) => ({
      fault,
    })),
  },
  random: {
    about: 'faults and pairs that are drawn by the seed, for --seconds (120)',
    calmSeconds: 2,
    seconds: 120,
    steps: [],
    isDrawn: true,
  },
  all: { about: 'every fault and every pair, one after the other', calmSeconds: 11, steps: every },
};

/** The same faults in about a third of the time: for a gate that must not take long. */
export function quick(plan: Plan): Plan {
  const shorter = (step: Step): Step => {
    const seconds = (step.seconds ?? faults[step.fault]?.seconds ?? 0) * 0.6;
    return { ...step, seconds, ...(step.with && { with: step.with.map(shorter) }) };
  };
  const { seconds, ...rest } = plan;
  return { ...rest, ...(seconds && { seconds: seconds / 3 }), calmSeconds: 1.5, steps: plan.steps.map(shorter) };
}

/** The steps of a plan in their order, then, where it is drawn, others without end. */
export function* stepsOf(plan: Plan, random: () => number): Generator<Step> {
  yield* plan.steps;
  while (plan.isDrawn) {
    const step = every[Math.floor(random() * every.length)] as Step;
    const seconds = (step.seconds ?? faults[step.fault]?.seconds ?? 0) * (0.5 + random());
    yield { ...step, seconds, after: plan.calmSeconds * (0.5 + random()) };
  }
}

/** Why a fleet cannot have a step: what it, or what comes with it, lacks. Undefined where it can. */
export function lackOf(step: Step, fleet: Fleet): string | undefined {
  const lack = faults[step.fault]?.lacks?.(fleet);
  return lack ?? step.with?.map((other) => lackOf(other, fleet)).find((why) => why !== undefined);
}
