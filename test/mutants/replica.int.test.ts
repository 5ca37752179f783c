import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import { expect, test } from 'vitest';
import { startTestFleet } from '../fleet.ts';
import { createVisitor, until } from '../replica.ts';

const main = fileURLToPath(new URL('./replica.ts', import.meta.url));

/** Runs `look` as a visitor of two replicas with a mutant; `redis` runs a command. */
async function withPlanted(
  plant: string,
  store: string,
  look: (visitor: ReturnType<typeof createVisitor>, redis: (...args: string[]) => Promise<unknown>) => Promise<void>,
) {
  let port = '';
  const report = (line: string) => {
    port ||= /^redis .*:(\d+)$/.exec(line)?.[1] ?? '';
  };
  const env = { ...process.env, MUTANT: plant };
  const { http, end } = await startTestFleet({ replicas: 2, store, main, env, report });
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  try {
    await client.connect();
    const visitor = createVisitor(http);
    await visitor.send('POST', '/login', { name: 'Ada' });
    await look(visitor, (...args) => client.sendCommand(args));
  } finally {
    client.destroy();
    await end();
  }
}

test('resave: a request that changes nothing writes', async () => {
  await withPlanted('resave', 'plain', async (visitor, redis) => {
    await redis('CONFIG', 'RESETSTAT');
    for (let sent = 0; sent < 3; sent++) expect((await visitor.send('GET', '/cart')).status).toBe(200);
    expect(await redis('INFO', 'commandstats')).toContain('cmdstat_set:calls=3,');
  });
});

test('cache: a replica does not see what the other has written', async () => {
  await withPlanted('cache', 'durable', async (visitor) => {
    const add = (sku: string) => visitor.send('POST', '/cart/items', { sku, quantity: 1 });
    const read = async () => (await visitor.send('GET', '/cart')).body.items.length;
    const readByBoth = async () => new Set([await read(), await read(), await read(), await read()]);
    await add('a');
    await readByBoth();
    await add('b');
    expect(await readByBoth()).toEqual(new Set([1, 2]));
  });
});

test('answers-first: an acknowledged write is not stored yet', async () => {
  await withPlanted('answers-first', 'plain', async (visitor) => {
    let added = 0;
    await until(async () => {
      const { status } = await visitor.send('POST', '/cart/items', { sku: `a${added++}`, quantity: 1 });
      expect(status).toBe(201);
      const { body } = await visitor.send('GET', '/cart');
      return !body.items?.some(({ sku }: { sku: string }) => sku === `a${added - 1}`);
    });
  });
});
