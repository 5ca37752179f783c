import type { ReplicaStatus, Settings } from './fleet.ts';
import type { ServerProcess } from './process.ts';

/** A replica of a local fleet. Its ports are its own for life, so that nginx finds it again without being told. */
export interface LocalReplica {
  number: number;
  name: string;
  port: number;
  adminPort: number;
  /** Where it finds Redis: a link of its own, or Redis itself. */
  redisPort: number;
  /** Its own, over those of the fleet. */
  settings: Settings;
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

/** True where the process with this id, and no other, answers on the port that it is ready. */
export async function isReady(adminPort: number, pid: number): Promise<boolean> {
  const answer = await readReadiness(adminPort);
  return answer?.state === 'ready' && answer.pid === pid;
}

/** What does not answer is on its way up or down. */
async function stateOf(adminPort: number): Promise<ReplicaStatus['state']> {
  return (await readReadiness(adminPort))?.state ?? 'starting';
}

async function readReadiness(adminPort: number): Promise<{ state: ReplicaStatus['state']; pid: number } | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`, { signal: AbortSignal.timeout(500) });
    return (await response.json()) as { state: ReplicaStatus['state']; pid: number };
  } catch {
    return undefined;
  }
}

/** How many requests a replica has answered since it started, from its own metrics; null where it does not say within 500 ms. */
async function readCounter(adminPort: number): Promise<number | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { signal: AbortSignal.timeout(500) });
    if (!response.ok) return null; // it keeps none: METRICS=off
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith('http_requests_total{'));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  } catch {
    return null; // it is down, paused or starting
  }
}
