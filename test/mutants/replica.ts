import { setTimeout as sleep } from 'node:timers/promises';
import { RedisStore } from 'connect-redis';
import { DurableStore } from './sessions/index.ts';

// A replica that is broken on purpose, as others are by mistake: the survival proof must find it out. It is src/main.ts
// upon a store with one fault, which PLANTED names. No part of the image.

type Stored = NonNullable<Awaited<ReturnType<DurableStore['read']>>>;

const plants: Record<string, () => void> = {
  /** express-session's `resave: true` (SESSION_STORE=plain): a request that changed nothing writes back what it had read. */
  resave() {
    RedisStore.prototype.touch = function writeBack(sid, session, done) {
      return this.set(sid, session, done);
    };
  },

  /** A cache in the replica (SESSION_STORE=durable), which its own writes alone refresh. */
  cache() {
    const cached = new Map<string, Stored>();
    const { read, adopt, adoptAs, end } = DurableStore.prototype;
    Object.assign(DurableStore.prototype, {
      async read(this: DurableStore, sid: string) {
        const stored = cached.get(sid) ?? (await read.call(this, sid));
        if (stored) cached.set(sid, stored);
        return stored;
      },
      adopt(this: DurableStore, session: { id: string }, stored: Stored) {
        cached.set(session.id, stored);
        adopt.call(this, session, stored);
      },
      adoptAs(this: DurableStore, ...[req, id, stored]: Parameters<typeof adoptAs>) {
        cached.set(id, stored);
        adoptAs.call(this, req, id, stored);
      },
      end(this: DurableStore, ...[sid, ...more]: Parameters<typeof end>) {
        cached.delete(sid);
        return end.call(this, sid, ...more);
      },
    });
  },

  /** A store that says it has saved, and saves 50 ms later (SESSION_STORE=plain). */
  'answers-first'() {
    const { set } = RedisStore.prototype;
    RedisStore.prototype.set = async function saveLater(sid, session, done) {
      const asItIs = JSON.parse(JSON.stringify(session));
      done?.(null);
      await sleep(50);
      await set.call(this, sid, asItIs, () => {});
    };
  },
};

const plant = plants[process.env.PLANTED ?? ''];
if (!plant) throw new Error(`PLANTED must be one of ${Object.keys(plants).join(', ')}, not ${process.env.PLANTED}`);
plant();
await import('./main.ts');
