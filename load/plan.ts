import type { Fault } from './faults/fault.ts';
import { killReplica } from './faults/kill-replica.ts';
import { redisRestart } from './faults/redis-restart.ts';
import { roll } from './faults/roll.ts';

export const faults: Record<string, Fault> = { 'kill-replica': killReplica, roll, 'redis-restart': redisRestart };

/** What happens in a run. It is data: times are parts of the run's length, from 0 to 1. */
export interface Plan {
  about: string;
  seconds: number;
  steps: { fault: string; at: number; healAt?: number }[];
}

export const plans: Record<string, Plan> = {
  'kill-replica': {
    about: 'a replica is killed under load and started again',
    seconds: 10,
    steps: [{ fault: 'kill-replica', at: 0.3, healAt: 0.6 }],
  },
  demo: {
    about: 'a replica is killed, all are restarted one after the other, Redis is restarted',
    seconds: 20,
    steps: [
      { fault: 'kill-replica', at: 0.15, healAt: 0.3 },
      { fault: 'roll', at: 0.4 },
      { fault: 'redis-restart', at: 0.8 },
    ],
  },
};
