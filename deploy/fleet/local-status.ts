import type { ReplicaStatus } from './fleet.ts';
import type { ServerProcess } from './process.ts';

/** A replica of a local fleet. Its ports are its own for life, so that nginx finds it again without being told. */
export interface LocalReplica {
  number: number;
  name: string;
  port: number;
  adminPort: number;
  process: ServerProcess | undefined;
  paused: boolean;
}

export async function statusOf(replica: LocalReplica): Promise<ReplicaStatus> {
  const { number, name, adminPort, process, paused } = replica;
  const base = { number, name, runsAs: process ? `pid ${process.pid}` : '-' };
  if (!process) return { ...base, state: 'starting', since: null, requestsServed: null };
  if (process.end) return { ...base, state: 'down', since: process.end.at.toISOString(), requestsServed: null };
  const since = process.startedAt.toISOString();
  if (paused) return { ...base, state: 'paused', since, requestsServed: null };
  const [state, requestsServed] = await Promise.all([stateOf(adminPort), readCounter(adminPort)]);
  return { ...base, state, since, requestsServed };
}

async function stateOf(adminPort: number): Promise<ReplicaStatus['state']> {
  const signal = AbortSignal.timeout(500);
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`, { signal });
  return ((await response.json()) as { state: ReplicaStatus['state'] }).state;
}

/** How many requests a replica has answered since it started, from its own metrics; null where it does not say within 500 ms. */
async function readCounter(adminPort: number): Promise<number | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { signal: AbortSignal.timeout(500) });
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith('http_requests_total{'));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  } catch {
    return null; // it is down, paused or starting
  }
}
