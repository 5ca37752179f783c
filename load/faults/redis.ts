import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { type Fault, FaultError, logInOnce, outage, pingMs } from './fault.ts';

const fsyncMs = 100;
/** A Redis setting that nothing depends on and that a restart resets. */
const markerSetting = 'slowlog-max-len';

const kill = {
  about: 'Redis is killed (SIGKILL) and started again from its append-only file',
  target: 'redis',
  seconds: 0.5,
  impactBudget: outage,
  async apply(fleet, { declare }) {
    declare(['redis'], () => fleet.redis.start());
    await fleet.redis.kill('SIGKILL');
    await requireSilence(fleet);
    return 'Redis is down and does not answer';
  },
} as const satisfies Fault;

/** Faults of Redis's process, memory and disk. */
export const redisFaults = {
  'redis-kill': kill,

  'redis-restart': {
    about: 'Redis is restarted (SIGTERM)',
    target: 'redis',
    seconds: 0,
    impactBudget: { failures: 'all', stallMs: null, answerMs: 1000 }, // Redis may be back before a request needs it
    async apply(fleet, { declare }) {
      const before = await fleet.redis.configure(markerSetting, '77');
      declare(['redis']);
      const start = performance.now();
      await fleet.redis.restart();
      const ms = Math.round(performance.now() - start);
      if ((await fleet.redis.configure(markerSetting, before)) === '77') throw new FaultError('Redis did not restart');
      return `Redis restarted from its append-only file in ${ms} ms`;
    },
  },

  'redis-pause': {
    about: 'Redis hangs (SIGSTOP) for 3 s: its connections stay open and get no answer',
    target: 'redis',
    seconds: 3,
    impactBudget: outage,
    async apply(fleet, { declare }) {
      declare(['redis'], () => fleet.redis.resume());
      await fleet.redis.pause();
      await requireSilence(fleet);
      return 'Redis is paused and does not answer';
    },
  },

  'redis-outage': { ...kill, about: 'Redis is killed and stays down for 5 s', seconds: 5 },

  /** Reads continue to work: only what cannot be saved is refused. */
  'redis-full': {
    about: 'Redis is out of memory: it refuses writes',
    target: 'redis',
    seconds: 3,
    impactBudget: { failures: 'writes', stallMs: 500, answerMs: 1000, mustFail: true },
    async apply(fleet, { declare }) {
      const before = await fleet.redis.configure('maxmemory', '1');
      declare(['redis'], async () => void (await fleet.redis.configure('maxmemory', before)));
      const limit = await fleet.redis.configure('maxmemory', '1');
      if (limit !== '1') throw new FaultError(`the memory limit of Redis is ${limit} bytes, not 1`);
      return 'Redis has a memory limit of 1 byte (maxmemory), far below what it uses';
    },
  },

  'redis-slow-disk': {
    about: `the disk of Redis is slow: each fsync takes ${fsyncMs} ms`,
    target: 'redis',
    seconds: 4,
    impactBudget: { failures: 'writes', stallMs: 1000, answerMs: 1000 },
    missingCapability: (fleet) => (fleet.redis.slowDisk ? undefined : "slowing Redis's disk"),
    async apply(fleet, { declare }) {
      const { http } = await fleet.describe();
      declare(['redis'], async () => fleet.redis.slowDisk?.(0));
      await fleet.redis.slowDisk?.(fsyncMs);
      const start = performance.now();
      await logInOnce(http).catch(() => {}); // the disk may be too slow for a login to succeed
      const ms = Math.round(performance.now() - start);
      if (ms < fsyncMs) throw new FaultError(`a login was saved within ${ms} ms`);
      return `each fsync of Redis takes ${fsyncMs} ms longer: a login took ${ms} ms`;
    },
  },

  'redis-disk-full': {
    about:
      'the disk of Redis is full for 2 s: Redis ends rather than lose a write, and is started again when there is room',
    target: 'redis',
    seconds: 2,
    impactBudget: outage,
    missingCapability: (fleet) => (fleet.redis.fillDisk ? undefined : "filling Redis's disk"),
    async apply(fleet, { declare }) {
      const { http } = await fleet.describe();
      declare(['redis'], async () => {
        await fleet.redis.fillDisk?.(false);
        if ((await fleet.redis.ping(pingMs)) === null) await fleet.redis.start();
      });
      await fleet.redis.fillDisk?.(true);
      // With appendfsync always, Redis ends at the first write that it cannot make. The users may have made it already.
      await logInOnce(http).catch(() => {});
      await requireSilence(fleet);
      return 'a write to the append-only file was refused (ENOSPC), and Redis ended';
    },
  },
} as const satisfies Record<string, Fault>;

/** @throws {FaultError} if Redis answers */
async function requireSilence(fleet: Fleet): Promise<void> {
  if ((await fleet.redis.ping(pingMs)) !== null) throw new FaultError('Redis still answers');
}
