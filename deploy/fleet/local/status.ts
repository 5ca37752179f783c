import type { ReplicaStatus, Settings } from '../fleet.ts';
import type { ServerProcess } from '../process.ts';

/** A replica of a local fleet. It keeps its ports for life, so nginx finds it again after a restart without a reload. */
export interface LocalReplica {
  number: number;
  name: string;
  port: number;
  adminPort: number;
  /** Port of its own proxy to Redis, or of Redis itself. */
  redisPort: number;
  /** Its own settings, over those of the fleet. */
  settings: Settings;
  process: ServerProcess | undefined;
  /** When it was paused, while it is. */
  pausedAt: Date | undefined;
}

export async function readStatus(replica: LocalReplica): Promise<ReplicaStatus> {
  const { number, name, port, adminPort, process, pausedAt } = replica;
  const runsAs = process ? `pid ${process.pid}` : '-';
  const base = { number, name, label: name, runsAs, http: `http://127.0.0.1:${port}` };
  if (!process) return { ...base, state: 'starting', since: null, requestsServed: null };
  if (process.end) return { ...base, state: 'down', since: process.end.at.toISOString(), requestsServed: null };
  const since = process.startedAt.toISOString();
  if (pausedAt) return { ...base, state: 'paused', since: pausedAt.toISOString(), requestsServed: null };
  // A replica that does not answer is starting or ending. Without metrics it counts no requests.
  const { state = 'starting', requestsServed = null } = (await readReadiness(adminPort)) ?? {};
  return { ...base, state, since, requestsServed };
}

/** True if the process with this id, and no other, answers on the port that it is ready. */
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
