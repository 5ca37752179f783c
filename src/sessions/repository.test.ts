import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SessionRepository } from './repository.ts';

// How long a session lives that is only read, with a clock of the test's own: Redis is modelled by one key and its expiry.

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const idleSeconds = 60;
const idleMs = idleSeconds * 1000;
const secrets = ['s'.repeat(32)];

/** Redis with one session. */
function createModel() {
  const model = { expiresAt: performance.now() + idleMs, extended: 0 };
  const client = {
    isReady: true,
    isOpen: true,
    on() {},
    connect: async () => {},
    destroy() {},
    async sendCommand([command, , , ms]: string[]) {
      if (command === 'TIME') return [String(Math.floor(performance.now() / 1000)), '0'];
      if (performance.now() >= model.expiresAt) return null;
      if (command === 'GETEX') {
        model.expiresAt = performance.now() + Number(ms);
        model.extended += 1;
      }
      return '{"createdAt":1,"attributes":{}}';
    },
  };
  return { model, client };
}

test('a session that is read often enough lives on, whichever process reads it, and ends at most a sixtieth early', async () => {
  const afterMs = fc.oneof(
    fc.integer({ min: 0, max: idleMs / 8 }),
    fc.integer({ min: 0.85 * idleMs, max: (idleMs * 59) / 60 - 1 }),
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 1.2 * idleMs }) },
  );
  const read = fc.record({ process: fc.nat(1), afterMs });
  await fc.assert(
    fc.asyncProperty(fc.array(read, { minLength: 1, maxLength: 40 }), async (reads) => {
      const { model, client } = createModel();
      const options = { client, secrets, idleSeconds, absoluteSeconds: 1e9 };
      const processes = [1, 2].map(() => new SessionRepository(options));
      let lastRead = performance.now();
      for (const { process, afterMs } of reads) {
        await vi.advanceTimersByTimeAsync(afterMs);
        const sinceMs = performance.now() - lastRead;
        const isAlive = (await processes[process]?.read('id')) !== undefined;
        if (sinceMs >= idleMs) expect(isAlive).toBe(false);
        if (sinceMs < (idleMs * 59) / 60) expect(isAlive).toBe(true);
        if (!isAlive) return;
        lastRead = performance.now();
      }
      expect(model.extended).toBeLessThanOrEqual(reads.length);
    }),
    { numRuns: 300 },
  );
});

test('of 600 reads within a tenth of the idle time 6 extend it', async () => {
  const { model, client } = createModel();
  const repository = new SessionRepository({ client, secrets, idleSeconds });
  for (let number = 0; number < 600; number++) {
    await repository.read('id');
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(model.extended).toBe(6);
});
