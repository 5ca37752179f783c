import type { PartStatus, RedisPart, RedisReport } from '../fleet.ts';
import type { Servers } from '../process.ts';
import { answers, nginxProbePath } from '../wait.ts';

const answerMs = 500;

/** What is known of the servers beside the replicas. */
export interface PartProbes {
  servers: Servers;
  /** The name of the process that is Redis: with sentinels, of the primary. */
  redisName(): Promise<string>;
  /** When each part was paused that is; by its name. */
  pausedAt: ReadonlyMap<string, Date>;
  redisReport: RedisPart['report'];
  http: string;
  /** Undefined without Prometheus. */
  prometheus: string | undefined;
}

/** @returns null if the nginx in front of Prometheus answers for it */
async function askPrometheus(url: string): Promise<{ facts: [] } | null> {
  return (await answers(`${url}/-/ready`, answerMs)) ? { facts: [] } : null;
}

export async function readParts({
  servers,
  redisName,
  pausedAt,
  redisReport,
  http,
  prometheus,
}: PartProbes): Promise<PartStatus[]> {
  /** @param probe what is to be known of it; null if it does not answer */
  const part = async (
    name: PartStatus['name'],
    probe: () => Promise<Pick<RedisReport, 'facts' | 'refusesWrites'> | null>,
    own: string = name,
  ): Promise<PartStatus> => {
    const process = servers.find(own);
    const base = { name, runsAs: process ? `pid ${process.pid}` : '-', facts: [] };
    if (!process || process.end) return { ...base, state: 'down', since: process?.end?.at.toISOString() ?? null };
    const paused = pausedAt.get(own);
    if (paused) return { ...base, state: 'paused', since: paused.toISOString() };
    const report = await probe().catch(() => null);
    const since = process.startedAt.toISOString();
    if (!report) return { ...base, state: 'silent', since };
    return { ...base, state: report.refusesWrites ? 'refuses' : 'ready', since, facts: report.facts };
  };
  const nothingToReport = { facts: [] };
  return Promise.all([
    // Whatever it answers, it is up.
    part('nginx', () => answers(http + nginxProbePath, answerMs).then(() => nothingToReport)),
    part('redis', () => redisReport(answerMs), await redisName().catch(() => 'redis')),
    ...(prometheus === undefined ? [] : [part('prometheus', () => askPrometheus(prometheus))]),
  ]);
}
