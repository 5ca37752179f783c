import { SessionError } from '../errors.ts';

/** Runs the changes of one session one after the other, so that a process competes with others by one of them at most. */
export interface Queue<T> {
  /**
   * Runs `work` after the changes of the same key before it. It gets what the last of them has left, if any, and how much
   * of its time remains.
   * @throws {SessionError} store-unavailable if its turn has not come within `ms`: then it is not run
   */
  run(key: string, ms: number, work: (latest: T | undefined, leftMs: number) => Promise<T | undefined>): Promise<void>;
}

interface Line<T> {
  length: number;
  /** Settles when the last one has ended. */
  tail: Promise<void>;
  latest: T | undefined;
}

export function createQueue<T>(): Queue<T> {
  const lines = new Map<string, Line<T>>();
  return {
    async run(key, ms, work) {
      const line = lines.get(key) ?? { length: 0, tail: Promise.resolve(), latest: undefined };
      lines.set(key, line);
      const { tail } = line;
      const ended = Promise.withResolvers<void>();
      line.tail = tail.then(() => ended.promise);
      line.length += 1;
      try {
        const since = performance.now();
        if (line.length > 1) await settledWithin(tail, ms);
        line.latest = await work(line.latest, ms - (performance.now() - since));
      } catch (err) {
        line.latest = undefined;
        throw err;
      } finally {
        ended.resolve();
        line.length -= 1;
        if (line.length === 0) lines.delete(key);
      }
    },
  };
}

/** The sockets are read once more before it gives up: the process may have been blocked. */
async function settledWithin(tail: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => setImmediate(() => late.reject(new SessionError('store-unavailable'))), ms);
  late.promise.catch(() => {});
  await Promise.race([tail, late.promise]).finally(() => clearTimeout(timer));
}
