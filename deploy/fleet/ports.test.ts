import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findPort, returnPort } from './ports.ts';

/** Chooses 500 ports, writes them out, and keeps running. */
const script = `
  import { findPort } from ${JSON.stringify(new URL('./ports.ts', import.meta.url).href)};
  const ports = [];
  while (ports.length < 500) ports.push(await findPort());
  console.log(ports.join());
  setInterval(() => {}, 1000);`;

test('no port is chosen twice, by this process or another, though nothing listens there yet', async () => {
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [theirs] = await once(other.stdout.setEncoding('utf8'), 'data');
    const ports: number[] = String(theirs).trim().split(',').map(Number);
    while (ports.length < 1000) ports.push(await findPort());
    expect(new Set(ports).size).toBe(1000);
    expect(Math.min(...ports)).toBeGreaterThan(20_000);
    expect(Math.max(...ports)).toBeLessThan(32_000);
  } finally {
    other.kill();
  }
});

test('a port that is returned is chosen again after the others, unless something listens there', async () => {
  const [busy, free] = [await findPort(), await findPort()];
  const server = createServer().listen(busy, '127.0.0.1');
  await once(server, 'listening');
  for (const port of [busy, free]) returnPort(port);
  const chosen: number[] = [];
  while (!chosen.includes(free)) chosen.push(await findPort());
  expect(chosen).not.toContain(busy);
  server.close();
});
