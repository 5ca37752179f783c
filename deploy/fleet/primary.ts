import type { Part } from './fleet.ts';
import { waitFor } from './wait.ts';

/** The servers of a Redis that may fail over. */
export interface RedisServers {
  /** The name of the server that is the primary now. */
  primary(): Promise<string>;
  /** One server by its name. */
  partOf(server: string): Part;
  /** Whether all replicas follow the primary, and what would choose another one can. Until one follows, it refuses writes. */
  isComplete(): Promise<boolean>;
}

/** A server that was away copies the data of the primary first. */
const completeMs = 30_000;
/** For users, if that takes too long. */
export const incomplete = 'Redis is not complete: a replica does not follow, or sentinels do not see one another';

/**
 * The primary, whichever server that is, as one part: what was killed or paused is healed, although another server is the
 * primary by then. A server is back once all replicas follow again.
 */
export function createPrimaryPart({ primary, partOf, isComplete }: RedisServers): Part {
  /** The server that a command or a fault has broken, until it is healed. */
  let broken: string | undefined;

  async function breakIt(how: (part: Part) => Promise<void>): Promise<void> {
    broken = await primary();
    await how(partOf(broken));
  }

  async function heal(how: (part: Part) => Promise<void>): Promise<void> {
    await how(partOf(broken ?? (await primary())));
    broken = undefined;
    await waitFor(incomplete, isComplete, { timeoutMs: completeMs, everyMs: 100 });
  }

  return {
    kill: (signal) => breakIt((part) => part.kill(signal)),
    pause: () => breakIt((part) => part.pause()),
    start: () => heal((part) => part.start()),
    resume: () => heal((part) => part.resume()),
    restart: () => heal((part) => part.restart()),
  };
}
