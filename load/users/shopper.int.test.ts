import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createShopper, newVisit, noLosses } from './shopper.ts';
import { shopping } from './workload.ts';
import { createWitness } from './witness.ts';

test('a request that meets closed connections is repeated until it has a new one', async () => {
  const used = new WeakSet<object>();
  const server = createServer(({ socket }, res) => {
    if (used.has(socket)) return void socket.destroy();
    used.add(socket);
    res.end('{"user":null}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const now = () => performance.now();
  const witness = createWitness({ url, connections: 3, keys: true, promises: true, now });
  try {
    const act = createShopper(witness, { ...shopping, weights: { whoami: 1 }, concurrency: 1 });
    const random = () => 0.5;
    const user = { id: 'user-0001', visits: 1, visit: newVisit('user-0001', 1, random), past: undefined };
    for (let turn = 0; turn < 4; turn++) await act.step({ ...user, isIntact: true, losses: noLosses(), random });
    const [first, second, third, ...last] = witness.operations.map(({ outcome, error }) => error ?? outcome);
    expect([first, second, third]).toEqual(['ok', 'ok', 'ok']);
    expect(last).toEqual(['closed', 'closed', 'closed', 'ok']);
  } finally {
    await witness.close();
    server.close();
  }
});
