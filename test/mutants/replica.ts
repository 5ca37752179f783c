import { setTimeout as sleep } from 'node:timers/promises';
import { RedisStore } from 'connect-redis';
import { DurableStore } from '../../src/sessions/index.ts';

// A replica with a planted defect that the survival test must detect: src/main.ts with a store changed by the mutant that
// MUTANT names. Not part of the image.

type Stored = NonNullable<Awaited<ReturnType<DurableStore['read']>>>;

const mutants: Record<string, () => void> = {
  /** express-session's `resave: true` (SESSION_STORE=plain): a request that changed nothing writes back what it read. */
  resave() {
    RedisStore.prototype.touch = function writeBack(sid, session, done) {
      return this.set(sid, session, done);
    };
  },

  /** A cache in the replica (SESSION_STORE=durable) that only its own writes refresh. */
  cache() {
    const cached = new Map<string, Stored>();
    const { read, keepUp, adoptAs, end } = DurableStore.prototype;
    Object.assign(DurableStore.prototype, {
      async read(this: DurableStore, sid: string) {
        const stored = cached.get(sid) ?? (await read.call(this, sid));
        if (stored) cached.set(sid, stored);
        return stored;
      },
      keepUp(this: DurableStore, ...[session, stored, before]: Parameters<typeof keepUp>) {
        cached.set((session as { id: string }).id, stored);
        keepUp.call(this, session, stored, before);
      },
      adoptAs(this: DurableStore, ...[req, id, stored, before]: Parameters<typeof adoptAs>) {
        cached.set(id, stored);
        adoptAs.call(this, req, id, stored, before);
      },
      end(this: DurableStore, ...[sid, ...more]: Parameters<typeof end>) {
        cached.delete(sid);
        return end.call(this, sid, ...more);
      },
    });
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
