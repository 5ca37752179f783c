import type { Fleet } from '../fleet/fleet.ts';
import { readFigures } from './figures.ts';
import { createProbe, LastingError } from './probe.ts';
import type { PartView } from './view.ts';

const redisMs = 300;
const nginxMs = 1000;
/** Docker fails to tell of containers that are just being replaced. */
const graceMs = 3000;

/** Everything that is asked of a fleet. Each answers by itself: what hangs holds nothing else up. */
export function createProbes(fleet: Fleet) {
  const description = createProbe(() => fleet.describe().catch(explain), { everyMs: 5000, graceMs });
  const replicas = createProbe(() => fleet.replicas().catch(explain), { graceMs });
  const redis = createProbe(() => fleet.redis.ping(redisMs));
  const nginx = createProbe(() => lookAtNginx(description.value?.http));
  const figures = createProbe(async () => {
    const prometheus = description.value?.prometheus;
    return prometheus === undefined ? null : readFigures(prometheus);
  });
  const all = [replicas, redis, nginx, figures];
  return {
    description,
    replicas,
    redis,
    nginx,
    figures,
    async ask(patienceMs: number): Promise<void> {
      // Another fleet may have come, elsewhere.
      if (replicas.problem || description.problem) description.hurry();
      await description.ask(patienceMs);
      await Promise.all(all.map((probe) => probe.ask(patienceMs)));
    },
    hurry(): void {
      for (const probe of [description, ...all]) probe.hurry();
    },
  };
}

export type Probes = ReturnType<typeof createProbes>;

/** nginx answers this address by itself: no replica is troubled. */
async function lookAtNginx(http: string | undefined): Promise<PartView['state']> {
  if (http === undefined) return 'unknown';
  try {
    const answer = await fetch(`${http}/nginx-problem/404`, { signal: AbortSignal.timeout(nginxMs) });
    await answer.body?.cancel();
    return 'up';
  } catch (err) {
    return (err as Error).name === 'TimeoutError' ? 'silent' : 'down';
  }
}

/** Of a fleet that has ended the socket is gone, or nobody is behind it. @throws {Error} in words */
function explain(err: Error & { code?: string }): never {
  const isGone = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(err.code ?? '');
  throw isGone ? new LastingError('no fleet is up: start one with "npm run up"', { cause: err }) : err;
}
