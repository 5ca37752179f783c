import type { Description, Fleet, ReplicaStatus } from '../fleet/fleet.ts';
import type { PartView } from './view.ts';
import type { Sight, Visitors } from './visitors.ts';

/** What an action is done with. */
export interface Stage {
  fleet: Fleet;
  visitors: Visitors;
  /** Writes down what is not seen of the replicas. */
  report(line: string): void;
}

/** What is known now: upon it follows what can be done. */
export interface Situation {
  fleet: Fleet;
  /** Undefined while there is no fleet. */
  description: Description | undefined;
  replicas: ReplicaStatus[];
  redis: PartView['state'];
  nginx: PartView['state'];
  sight: Sight;
}
