import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findPort, findPorts, requireFree, returnPorts } from './ports.ts';

/** Chooses 500 ports, writes them out, and keeps running. */
const script = `
  import { findPorts } from ${JSON.stringify(new URL('./ports.ts', import.meta.url).href)};
  console.log((await findPorts(500)).join());
  setInterval(() => {}, 1000);`;

test('no port is chosen twice, by this process or another, though nothing listens there yet', async () => {
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [theirs] = await once(other.stdout.setEncoding('utf8'), 'data');
    const ports: number[] = String(theirs).trim().split(',').map(Number);
    ports.push(...(await findPorts(500)));
    expect(new Set(ports).size).toBe(1000);
    expect(Math.min(...ports)).toBeGreaterThan(20_000);
    expect(Math.max(...ports)).toBeLessThan(32_100);
  } finally {
    other.kill();
  }
});

test('a port that is returned is chosen again after the others, unless it is in use, or the user has chosen it', async () => {
  const [busy = 0, given = 0, free = 0] = await findPorts(3);
  const server = createServer().listen(busy, '127.0.0.1');
  await once(server, 'listening');
  await requireFree(given, 'http', '--http');
  returnPorts(busy, given, free);
  const chosen: number[] = [];
  while (!chosen.includes(free)) chosen.push(await findPort());
  expect(chosen).not.toContain(busy);
  expect(chosen).not.toContain(given);
  server.close();
});
