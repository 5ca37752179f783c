import { setTimeout as sleep } from 'node:timers/promises';
import { RedisStore } from 'connect-redis';
import { PrimaryClient } from '../../src/sessions/redis/servers/primary.ts';
import { OpenSessions } from '../../src/sessions/redis/open-sessions.ts';
import { SessionRepository } from '../../src/sessions/repository.ts';

// A replica with a planted defect that the survival test must detect: src/main.ts with a store changed by the mutant that
// MUTANT names. Not part of the image.

type Stored = NonNullable<Awaited<ReturnType<SessionRepository['read']>>>;

const mutants: Record<string, () => void> = {
  /** express-session's `resave: true` (SESSION_STORE=plain): a request that changed nothing writes back what it read. */
  resave() {
    RedisStore.prototype.touch = function writeBack(sid, session, done) {
      return this.set(sid, session, done);
    };
  },

  /** A change is acknowledged once a replica has it, although the sentinels may have begun a failover. */
  unasked() {
    PrimaryClient.prototype.isStillPrimary = async () => true;
  },

  /** A cache in the replica (SESSION_STORE=durable) that only its own writes refresh. */
  cache() {
    const cached = new Map<string, Stored>();
    const { read, noteExtended, end } = SessionRepository.prototype;
    Object.assign(SessionRepository.prototype, {
      async read(this: SessionRepository, id: string, lifeMs?: number) {
        const key = this.keyOf(id);
        const stored = cached.get(key) ?? (await read.call(this, id, lifeMs));
        if (stored) cached.set(key, stored);
        return stored;
      },
      /** Called after each write of this replica. */
      noteExtended(this: SessionRepository, key: string) {
        cached.delete(key);
        noteExtended.call(this, key);
      },
      end(this: SessionRepository, ...[id, ...more]: Parameters<typeof end>) {
        cached.delete(this.keyOf(id));
        return end.call(this, id, ...more);
      },
    });
  },

  /** Each twentieth read gets what the read before it got (SESSION_STORE=durable): another user's session, often. */
  leak() {
    const { read } = SessionRepository.prototype;
    let last: Stored | undefined;
    let reads = 0;
    SessionRepository.prototype.read = async function readAnother(...args) {
      const before = last;
      last = await read.call(this, ...args);
      reads += 1;
      return reads % 20 === 0 && before ? before : last;
    };
  },

  /** Streams that do not end with their session (SESSION_STORE=durable): its end is published, and no replica listens. */
  'deaf-streams'() {
    OpenSessions.prototype.watch = () => () => {};
  },

  /** A store that reports success and saves 50 ms later (SESSION_STORE=plain). */
  'answers-first'() {
    const { set } = RedisStore.prototype;
    RedisStore.prototype.set = async function saveLater(sid, session, done) {
      const snapshot = JSON.parse(JSON.stringify(session));
      done?.(null);
      await sleep(50);
      await set.call(this, sid, snapshot, () => {});
    };
  },
};

const mutate = mutants[process.env.MUTANT ?? ''];
if (!mutate) throw new Error(`MUTANT must be one of ${Object.keys(mutants).join(', ')}, not ${process.env.MUTANT}`);
mutate();
await import('../../src/main.ts');
