import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { type Fault, noImpact } from './fault.ts';

const missingCapability = ({ machines }: Fleet) => (machines ? undefined : 'several machines (--fleet swarm)');
const machinesOf = (fleet: Fleet) => fleet.machines as NonNullable<Fleet['machines']>;

/** Faults of a machine with all that runs on it. */
export const machineFaults = {
  'machine-lost': {
    about: 'a machine is gone with all that runs there, if possible the primary of Redis; later it is back',
    target: 'fleet',
    seconds: 20, // a Swarm replaces what ran there after 15 s
    // Redis fails over if its primary was there; and nginx waits 2 s for a replica that no longer answers.
    impactBudget: { failures: 'all', stallMs: 5000, answerMs: 4000, mayForgetUnknown: true },
    missingCapability,
    async apply(fleet, { declare }) {
      declare(['redis'], () => machinesOf(fleet).restore());
      return machinesOf(fleet).lose();
    },
  },

  'machine-drained': {
    about: 'all that runs on a machine moves to the others, as for its maintenance; later it takes part again',
    target: 'fleet',
    seconds: 5,
    impactBudget: noImpact,
    missingCapability,
    async apply(fleet, { declare }) {
      declare([], () => machinesOf(fleet).activate());
      return machinesOf(fleet).drain();
    },
  },
} as const satisfies Record<string, Fault>;
