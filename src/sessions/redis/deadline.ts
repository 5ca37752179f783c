/** A call was given up. Whether it takes effect is unknown: Redis may still carry it out. */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
}

/**
 * Settles as `call` does, or rejects with a DeadlineError after `ms`.
 *
 * node-redis bounds only the time before a command is written (`commandOptions.timeout`, redis/node-redis#3008): with
 * a Redis that hangs, a command that was sent waits for ever.
 *
 * A process that stood still, on a busy machine, finds its timer due before it has read what came meanwhile: so the sockets
 * are read once more before the call is given up.
 */
export function withDeadline<T>(call: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new DeadlineError(`Redis did not answer within ${ms} ms`));
    const timer = setTimeout(() => setImmediate(giveUp), ms);
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
