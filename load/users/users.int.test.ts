import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createUsers } from './users.ts';
import { createWitness } from './witness.ts';
import { shopping } from './workload.ts';

test('a user who could not log in tries again, and does nothing else meanwhile', async () => {
  const server = createServer((req, res) => res.writeHead(req.url === '/login' ? 503 : 200).end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const witness = createWitness({ url, connections: 2, keys: true, promises: true, now: () => performance.now() });
  const kinds = () => witness.operations.map(({ kind }) => kind);
  try {
    const workload = { ...shopping, weights: { cart: 1 } };
    const down = AbortSignal.abort(); // each login is tried once
    const users = createUsers(witness, { count: 2, seed: 1, rate: 200, workload, down });
    await users.logIn();
    expect(kinds()).toEqual(['login', 'login']);
    await users.stayBusy(AbortSignal.timeout(500));
    expect(kinds().length).toBeGreaterThan(4);
    expect(new Set(kinds())).toEqual(new Set(['login']));
    expect(users.intactCount()).toBe(0);
  } finally {
    await witness.close();
    server.close();
  }
});
