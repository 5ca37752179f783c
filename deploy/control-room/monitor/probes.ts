import type { Fleet } from '../../fleet/fleet.ts';
import { nginxProbePath } from '../../fleet/wait.ts';
import { createProbe, LastingError } from './probe.ts';
import { readMetrics } from './replica-metrics.ts';
import type { PartState } from './state.ts';

const redisMs = 300;
const nginxMs = 1000;
/** Docker fails to describe containers that are just being replaced. */
const graceMs = 3000;

/**
 * All probes of a fleet. They are independent: one that hangs delays no other.
 * @param onReplicas called at each answer about the replicas
 */
export function createProbes(fleet: Fleet, onReplicas: () => void) {
  const description = createProbe(() => fleet.describe().catch(explain), { everyMs: 5000, graceMs });
  const replicas = createProbe(() => fleet.replicas().catch(explain), { graceMs, onAnswer: onReplicas });
  const redis = createProbe(() => fleet.redis.report(redisMs));
  const nginx = createProbe(() => probeNginx(description.value?.http));
  const metrics = createProbe(async () => {
    const prometheus = description.value?.prometheus;
    return prometheus === undefined ? null : readMetrics(prometheus);
  });
  const all = [replicas, redis, nginx, metrics];
  return {
    description,
    replicas,
    redis,
    nginx,
    metrics,
    async ask(patienceMs: number): Promise<void> {
      // Another fleet may have started, at other addresses.
      if (replicas.problem || description.problem) description.refreshSoon();
      await description.ask(patienceMs);
      await Promise.all(all.map((probe) => probe.ask(patienceMs)));
    },
    refreshSoon(): void {
      for (const probe of [description, ...all]) probe.refreshSoon();
    },
  };
}

export type Probes = ReturnType<typeof createProbes>;

async function probeNginx(http: string | undefined): Promise<PartState> {
  if (http === undefined) return 'unknown';
  try {
    const response = await fetch(`${http}${nginxProbePath}`, { signal: AbortSignal.timeout(nginxMs) });
    await response.body?.cancel();
    return 'up';
  } catch (err) {
    return (err as Error).name === 'TimeoutError' ? 'silent' : 'down';
  }
}

/** If a fleet has ended, its socket is gone or refuses connections. @throws {Error} with a readable message */
function explain(err: Error & { code?: string }): never {
  const isGone = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(err.code ?? '');
  throw isGone ? new LastingError('no fleet is up: start one with "unsticky up"', { cause: err }) : err;
}
