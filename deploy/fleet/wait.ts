import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from './fleet.ts';

interface WaitOptions {
  timeoutMs: number;
  everyMs?: number;
  /** Ends the waiting early: what is waited for cannot happen any more. */
  hopeless?: () => string | undefined;
  /** The log lines to show with the error. */
  tail?: () => string[];
}

/**
 * Resolves once `probe` does to something true, which it returns; a probe that throws counts as not yet.
 * @throws {FleetError} after timeoutMs, or as soon as it is hopeless, with the last log lines
 */
export async function waitFor<T>(what: string, probe: () => Promise<T>, options: WaitOptions): Promise<NonNullable<T>> {
  const { timeoutMs, everyMs = 20, hopeless, tail } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe().catch(() => undefined);
    if (found) return found;
    const reason = hopeless?.();
    if (reason) throw new FleetError(`${what}: ${reason}`, tail?.());
    if (performance.now() > deadline) throw new FleetError(`${what}: not within ${timeoutMs / 1000} s`, tail?.());
    await sleep(everyMs);
  }
}

/** True where `url` answers 2xx. @throws where it does not answer within `timeoutMs` */
export async function answers(url: string, timeoutMs = 1000): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
  return response.ok;
}

/** Resolves once nginx, at `url`, has passed a request on to each of these replicas. @throws {FleetError} after 10 s */
export async function servedBy(url: string, names: string[]): Promise<void> {
  const wanted = new Set(names);
  const seen = async () => {
    const response = await fetch(`${url}/whoami`, {
      headers: { Connection: 'close' },
      signal: AbortSignal.timeout(5000),
    });
    await response.body?.cancel();
    wanted.delete(response.headers.get('X-Served-By') ?? '');
    return wanted.size === 0;
  };
  await waitFor('nginx did not take up the new replicas', seen, { timeoutMs: 10_000, everyMs: 1 });
}
