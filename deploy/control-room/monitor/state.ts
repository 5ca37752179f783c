import type { Description, ReplicaStatus } from '../../fleet/fleet.ts';
import type { UsersStatus } from '../users.ts';

/**
 * Of nginx and Redis. `refuses`: it answers, but refuses writes; `hangs`: it was paused here; `silent`: it does not answer, for an
 * unknown reason.
 */
export type PartState = 'up' | 'refuses' | 'hangs' | 'down' | 'silent' | 'unknown';

export const answers = (state: PartState) => state === 'up' || state === 'refuses';

/** What the room knows of the fleet now. Which actions are possible follows from it. */
export interface RoomState {
  /** Undefined without a fleet. */
  description: Description | undefined;
  replicas: ReplicaStatus[];
  redis: PartState;
  nginx: PartState;
  users: UsersStatus;
}
