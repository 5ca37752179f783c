import { failoverFaults } from '../faults/failover.ts';
import { type FaultName, faultNamed, faults } from '../faults/index.ts';
import { machineFaults } from '../faults/machines.ts';
import type { Plan } from './plan.ts';

const calmSeconds = 3;
const faultNames = Object.keys(faults) as FaultName[];

/** A plan for each fault, by the fault's name. */
const alone = Object.fromEntries(
  faultNames.map((fault): [FaultName, Plan] => [
    fault,
    { about: faultNamed(fault).about, calmSeconds, steps: [{ fault }] },
  ]),
) as Record<FaultName, Plan>;

const pairs = {
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
    about: 'a replica is killed while another is cut off from Redis',
    calmSeconds,
    steps: [{ fault: 'cut-replica', with: [{ fault: 'kill-replica', after: 1, seconds: 2 }] }],
  },
  'reload-nginx-while-one-hangs': {
    about: 'nginx reloads its configuration while a replica hangs',
    calmSeconds,
    steps: [{ fault: 'pause-replica', with: [{ fault: 'reload-nginx', after: 1 }] }],
  },
} satisfies Record<string, Plan>;

/** What one machine with one Redis can have; `failover` and `machines` have the rest. */
const ofLarger = { ...failoverFaults, ...machineFaults };
const every = [...Object.values<Plan>(alone), ...Object.values<Plan>(pairs)]
  .flatMap(({ steps }) => steps)
  .filter(({ fault }) => !Object.hasOwn(ofLarger, fault));

const sets = {
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
    about: 'what every fleet supports: kill, pause, roll, scale up, scale down, kill Redis',
    calmSeconds,
    steps: (['kill-replica', 'pause-replica', 'roll', 'scale-up', 'scale-down', 'redis-kill'] as const).map(
      (fault) => ({ fault }),
    ),
  },
  failover: {
    about:
      'Redis fails over: its primary dies, hangs, is replaced, dies with replicas behind; slots move (--redis sentinel|cluster)',
    calmSeconds: 5,
    steps: (Object.keys(failoverFaults) as (keyof typeof failoverFaults)[]).map((fault) => ({ fault })),
  },
  machines: {
    about:
      'several machines: one is lost, one is drained, all replicas are replaced one after the other (--fleet swarm)',
    calmSeconds: 5,
    steps: [{ fault: 'machine-lost' }, { fault: 'machine-drained' }, { fault: 'roll' }],
  },
  random: {
    about: 'faults and pairs drawn by the seed, for --seconds (120)',
    calmSeconds: 2,
    seconds: 120,
    steps: [],
    drawFrom: every,
  },
  all: { about: 'every fault and every pair, one after the other', calmSeconds: 11, steps: every },
} satisfies Record<string, Plan>;

export type PlanName = FaultName | keyof typeof pairs | keyof typeof sets;

/** Every plan by its name. */
export const plans: Record<PlanName, Plan> = { ...alone, ...pairs, ...sets };

export const planNames = Object.keys(plans) as PlanName[];
