import type { StoreOutcome } from '../events.ts';
import { DeadlineError } from './deadline.ts';
import { NotReplicatedError } from './replicated.ts';

/**
 * True if Redis has refused (out of memory, read-only, loading: the scripts fail at their first write), or the command was
 * never sent.
 */
export function wasRefused(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  return (
    /^(OOM|READONLY|LOADING|MISCONF|NOREPLICAS|NOPERM|NOAUTH|BUSY|CLUSTERDOWN|MASTERDOWN|MOVED|ASK|TRYAGAIN)\b/.test(
      err.message,
    ) || wasNeverSent(err)
  );
}

/** By the name of their class: this layer imports nothing of node-redis. */
function wasNeverSent(err: unknown): boolean {
  return err instanceof Error && /^(ClientOffline|ClientClosed|Timeout)Error$/.test(err.constructor.name);
}

/** How a call that failed is reported. */
export function outcomeOf(err: unknown): StoreOutcome {
  if (err instanceof DeadlineError) return 'timeout';
  if (err instanceof NotReplicatedError) return 'unconfirmed';
  return wasNeverSent(err) ? 'refused' : 'error';
}
