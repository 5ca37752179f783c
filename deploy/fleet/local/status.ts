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
  // What does not answer is on its way up or down. One without metrics does not count.
  const { state = 'starting', requestsServed = null } = (await readReadiness(adminPort)) ?? {};
  return { ...base, state, since, requestsServed };
}

/** True where the process with this id, and no other, answers on the port that it is ready. */
export async function isReady(adminPort: number, pid: number): Promise<boolean> {
  const answer = await readReadiness(adminPort);
  return answer?.state === 'ready' && answer.pid === pid;
}

type Readiness = Pick<ReplicaStatus, 'state' | 'requestsServed'> & { pid: number };

async function readReadiness(adminPort: number): Promise<Readiness | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`, { signal: AbortSignal.timeout(500) });
    return (await response.json()) as Readiness;
  } catch {
    return undefined;
  }
}
