import type { ReplicaStatus } from '../deploy/fleet/fleet.ts';

/** The status of a replica as a local fleet reports it. */
export function replicaStatus(
  number: number,
  state: ReplicaStatus['state'] = 'ready',
  since: string | null = '12:00',
): ReplicaStatus {
  const name = `replica-${number}`;
  return { number, name, label: name, runsAs: 'pid 1', state, since, requestsServed: null };
}
