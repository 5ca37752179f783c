import { createServer } from 'node:net';
import { FleetError } from './fleet.ts';

/** Below the range of ports for outgoing connections, so that a port stays free while its server is down. */
const first = 20_000;
const last = 32_000;

/** Finds a free port on 127.0.0.1 that is not in `taken`, and adds it there. */
export async function findPort(taken: Set<number>): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = first + Math.floor(Math.random() * (last - first));
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new FleetError(`no free port found from ${first} to ${last} on 127.0.0.1`);
}

/** @throws {FleetError} if the port is in use, saying which option chooses another */
export async function requireFree(port: number, what: string, option: string): Promise<void> {
  if (await isFree(port)) return;
  throw new FleetError(`port ${port} (${what}) is in use: stop what listens there, or choose another with ${option}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
