import type { Fleet, ReplicaStatus } from '../deploy/fleet/fleet.ts';
import type { CommonOptions } from './options.ts';
import { renderTable, type Terminal } from './terminal.ts';

/** Prints the replicas of a fleet, as a table or as JSON. */
export async function printReplicas(fleet: Fleet, { json, quiet }: CommonOptions, terminal: Terminal): Promise<void> {
  const replicas = await fleet.replicas();
  if (json) terminal.print(JSON.stringify({ replicas }));
  else if (!quiet) terminal.print(renderReplicas(replicas));
}

export function renderReplicas(replicas: ReplicaStatus[], now = Date.now()): string {
  const rows = replicas.map(({ number, name, runsAs, state, since, requestsServed }) => {
    return [number, name, runsAs, state, since ? formatAgo(now - Date.parse(since)) : '-', requestsServed ?? '-'];
  });
  return renderTable(['replica', 'name', 'runs as', 'state', 'since', 'requests served'], rows);
}

function formatAgo(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
