import { type Fleet, FleetError } from '../../deploy/fleet/fleet.ts';
import type { Crowd } from '../users/crowd.ts';

const everyMs = 500;
/** As long as users are answered, the fleet is there. */
const silenceMs = 1000;
/** Docker may be slow to answer once. */
const maxFailures = 2;

/**
 * Aborts `down` with a FleetError if another process takes the fleet down: users get no success, and it cannot be described
 * any more.
 * @returns a function that stops looking
 */
export function watchForDown(fleet: Fleet, { witness, now }: Crowd, down: AbortController): () => void {
  let failures = 0;
  let isAsking = false;
  const timer = setInterval(async () => {
    const last = witness.operations.findLast(({ outcome }) => outcome === 'ok')?.end ?? 0;
    if (isAsking || now() - last < silenceMs) return;
    isAsking = true;
    const isThere = await fleet.describe().then(
      () => true,
      () => false,
    );
    isAsking = false;
    failures = isThere ? 0 : failures + 1;
    if (failures >= maxFailures) down.abort(new FleetError('the fleet was taken down'));
  }, everyMs).unref();
  return () => clearInterval(timer);
}
