import type { ReplicaStatus } from '../fleet/fleet.ts';
import type { Action } from './action.ts';

const down = (_: unknown, replica: ReplicaStatus | undefined) =>
  replica?.state === 'down' ? `${replica.name} is down` : undefined;

const one = { target: 'replica', mark: 'replica', limitSeconds: 30 } as const;

/** What can be done to a replica. */
export const replicaActions = {
  kill: {
    ...one,
    label: 'Kill',
    words: ['Killing', 'Killed', 'kill'],
    needs: 'kill',
    why: down,
    run: ({ fleet }, replica) => fleet.kill(replica, 'SIGKILL'),
  },
  stop: {
    ...one,
    label: 'Stop',
    words: ['Stopping', 'Stopped', 'stop'],
    needs: 'kill',
    why: (_, replica) =>
      down(_, replica) ?? (replica?.state === 'paused' ? `${replica.name} is paused and would not hear it` : undefined),
    run: ({ fleet }, replica) => fleet.kill(replica, 'SIGTERM'),
  },
  pause: {
    ...one,
    label: 'Pause',
    words: ['Pausing', 'Paused', 'pause'],
    needs: 'pause',
    why: down,
    run: ({ fleet }, replica) => fleet.pause(replica),
  },
  resume: {
    ...one,
    label: 'Resume',
    words: ['Resuming', 'Resumed', 'resume'],
    needs: 'resume',
    why: down,
    run: ({ fleet }, replica) => fleet.resume(replica),
  },
  restart: {
    ...one,
    label: 'Restart',
    words: ['Restarting', 'Restarted', 'restart'],
    needs: 'restart',
    run: ({ fleet }, replica) => fleet.restart(replica),
  },
  start: {
    ...one,
    label: 'Start',
    words: ['Starting', 'Started', 'start'],
    needs: 'restart',
    run: ({ fleet }, replica) => fleet.restart(replica),
  },
} satisfies Record<string, Action>;
