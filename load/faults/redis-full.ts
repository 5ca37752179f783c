import { type Fault, FaultError } from './fault.ts';

/** Reads go on: what cannot be saved is refused. */
export const redisFull: Fault = {
  about: 'Redis is out of memory: it refuses writes',
  seconds: 3,
  mayCost: { failures: 'writes', stallMs: 500, answerMs: 1000, isFelt: true },
  async apply(fleet, { breaks }) {
    const before = await fleet.redis.configure('maxmemory', '1');
    breaks(['redis'], async () => void (await fleet.redis.configure('maxmemory', before)));
    const limit = await fleet.redis.configure('maxmemory', '1');
    if (limit !== '1') throw new FaultError(`the limit of Redis is ${limit} bytes, not 1`);
    return 'Redis has a limit of 1 byte (maxmemory), far below what it uses';
  },
};
