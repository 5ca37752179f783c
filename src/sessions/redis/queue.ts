import { SessionError } from '../errors.ts';
import { within } from './deadline.ts';

/** Runs the changes of one session one after the other, so that a process competes with others by one of them at most. */
export interface Queue<T> {
  /**
   * Runs `work` after the changes of the same key before it. It gets what the last of them has left, if any.
   * @throws {SessionError} store-unavailable, and `work` is not run, if its turn has not come within `ms`, or if the store
   * has failed the change before: with a store that hangs, changes that wait must not wait for it one after the other
   */
  run(key: string, ms: number, work: (latest: T | undefined) => Promise<T | undefined>): Promise<void>;
}

interface Line<T> {
  length: number;
  /** Settles when the last one has ended, with whether the store has failed it. */
  tail: Promise<boolean>;
  latest: T | undefined;
}

export function createQueue<T>(): Queue<T> {
  const lines = new Map<string, Line<T>>();
  return {
    async run(key, ms, work) {
      const line = lines.get(key) ?? { length: 0, tail: Promise.resolve(false), latest: undefined };
      lines.set(key, line);
      const { tail } = line;
      const ended = Promise.withResolvers<boolean>();
      line.tail = ended.promise;
      line.length += 1;
      let outcome: boolean | Promise<boolean> = tail; // if it gives up, those behind it wait for the one before it
      try {
        outcome = line.length > 1 && (await settledWithin(tail, ms));
        if (outcome) throw new SessionError('store-unavailable');
        line.latest = await work(line.latest);
      } catch (err) {
        line.latest = undefined;
        if (outcome === false) outcome = err instanceof SessionError && err.status === 503;
        throw err;
      } finally {
        line.length -= 1;
        if (line.length === 0) lines.delete(key);
        // In a later turn of the event loop: else another layer of this process, overtaken just now, would be so each time.
        if (line.length > 0) setImmediate(ended.resolve, outcome);
        else ended.resolve(outcome);
      }
    },
  };
}

/** @throws {SessionError} store-unavailable if that takes longer */
async function settledWithin<T>(tail: Promise<T>, ms: number): Promise<T> {
  return within(ms, tail).catch((cause) => {
    throw new SessionError('store-unavailable', { cause });
  });
}
