import type { Fleet, PartStatus, ReplicaStatus } from '../deploy/fleet/fleet.ts';
import type { CommonOptions } from './options.ts';
import { renderTable, type Terminal } from './terminal.ts';

/** Prints the replicas and the other parts of a fleet, as a table or as JSON. */
export async function printReplicas(fleet: Fleet, { json, quiet }: CommonOptions, terminal: Terminal): Promise<void> {
  const [replicas, parts] = await Promise.all([fleet.replicas(), fleet.parts()]);
  if (json) terminal.print(JSON.stringify({ replicas, parts }));
  else if (!quiet) terminal.print(`${renderReplicas(replicas)}\n\n${renderParts(parts, terminal.width)}`);
}

export function renderReplicas(replicas: ReplicaStatus[], now = Date.now()): string {
  const rows = replicas.map(({ number, label, runsAs, state, since, requestsServed }) => {
    return [number, label, runsAs, state, formatSince(since, now), requestsServed ?? '-'];
  });
  return renderTable(['replica', 'name', 'runs as', 'state', 'since', 'requests served'], rows);
}

/** nginx, Redis and Prometheus. */
export function renderParts(parts: PartStatus[], width = Infinity, now = Date.now()): string {
  const rows = parts.map(({ name, runsAs, state, since, facts }) => {
    return [name, runsAs, partStates[state] ?? state, formatSince(since, now), facts.join(', ')];
  });
  return renderTable(['part', 'runs as', 'state', 'since', ''], rows, width);
}

const partStates: Partial<Record<PartStatus['state'], string>> = { silent: 'no answer', refuses: 'refuses writes' };

function formatSince(since: string | null, now: number): string {
  return since ? formatAgo(now - Date.parse(since)) : '-';
}

function formatAgo(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
