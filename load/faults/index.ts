import { failoverFaults } from './failover.ts';
import type { Fault } from './fault.ts';
import { fleetFaults } from './fleet.ts';
import { machineFaults } from './machines.ts';
import { networkFaults } from './network.ts';
import { nginxFaults } from './nginx.ts';
import { redisFaults } from './redis.ts';
import { replicaFaults } from './replica.ts';

/** Every fault by its name, which is also the name of a plan with this fault alone. */
export const faults = {
  ...replicaFaults,
  ...fleetFaults,
  ...redisFaults,
  ...failoverFaults,
  ...machineFaults,
  ...networkFaults,
  ...nginxFaults,
};

export type FaultName = keyof typeof faults;

/** The fault as its interface. */
export const faultNamed = (name: FaultName): Fault => faults[name];
