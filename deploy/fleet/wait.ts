import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from './fleet.ts';

interface WaitOptions {
  timeoutMs: number;
  everyMs?: number;
  /** A reason to stop waiting: what is waited for can no longer happen. */
  hopeless?: () => string | undefined;
  /** The log lines to show with the error. */
  tail?: () => string[];
}

/**
 * Resolves once `probe` resolves to something truthy, and returns it; a probe that throws counts as not yet.
 * @throws {FleetError} after timeoutMs, or as soon as it is hopeless; with the last log lines
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

/** Resolves after `ms`, or as soon as `signal` aborts. Never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => {});
}

/**
 * Resolves as `work` does, or to undefined after `ms`; `work` then continues on its own. Its timer does not keep the
 * process alive.
 */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const over = new AbortController();
  const late = sleep(ms, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
  return Promise.race([work, late]).finally(() => over.abort());
}

/** As `work`, or rejects with the signal's reason as soon as that aborts; work that was begun then continues on its own. */
export async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  return Promise.race([work(), promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** True if `url` answers 2xx. @throws if it does not answer within `timeoutMs` */
export async function answers(url: string, timeoutMs = 1000): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
  return response.ok;
}

/** nginx answers this address by itself, without asking a replica, and does not log it. */
export const nginxProbePath = '/nginx-problem/404';

/** Resolves once nginx, at `url`, has passed a request on to each of these replicas. @throws {FleetError} after 10 s */
export async function servedBy(url: string, names: string[]): Promise<void> {
  const wanted = new Set(names);
  const probe = async () => {
    const response = await fetch(`${url}/whoami`, {
      headers: { Connection: 'close' },
      signal: AbortSignal.timeout(5000),
    });
    await response.body?.cancel();
    wanted.delete(response.headers.get('X-Served-By') ?? '');
    return wanted.size === 0;
  };
  await waitFor('nginx does not use the new replicas', probe, { timeoutMs: 10_000, everyMs: 1 });
}
