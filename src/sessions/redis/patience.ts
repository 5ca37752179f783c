import { setTimeout as pause } from 'node:timers/promises';
import { SessionError } from '../errors.ts';

const againMs = 50;

/**
 * Calls again, for so long, what has failed because Redis is away, as over a failover: nothing was changed by then.
 * @param isOpen whether there is anything to wait for: the client is not closed
 */
export async function withPatience<T>(ms: number, isOpen: () => boolean, call: () => Promise<T>): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await call();
    } catch (err) {
      if (performance.now() >= end || !isOpen() || !isAway(err)) throw err;
    }
    await pause(againMs, undefined, { ref: false });
  }
}

/** A server that refuses for another reason than its role or its start would refuse it again. */
function isAway(err: unknown): boolean {
  if (!(err instanceof SessionError) || err.code !== 'store-unavailable') return false;
  const { message = '' } = (err.cause ?? {}) as Partial<Error>;
  const isReply = /^[A-Z]+ /.test(message);
  return !isReply || /^(LOADING|READONLY|NOREPLICAS|CLUSTERDOWN|MASTERDOWN|MOVED|ASK|TRYAGAIN)\b/.test(message);
}
