import { createServer, type Server } from 'node:net';
import { FleetError } from './fleet.ts';

/** Below the range of ports for outgoing connections, so that a port stays free while its server is down. */
const first = 20_013; // so that no block begins with a round number, which people choose
const last = first + 12_000;
const blockSize = 50;

/**
 * Ports that this process has not chosen yet. They are of blocks on whose first port it listens until it ends: so no other process
 * chooses a port whose server is down, or yet to be started.
 */
const unused: number[] = [];
/** Ports that the user has chosen. */
const given = new Set<number>();

/** Finds a free port on 127.0.0.1 that this process has not chosen before, and that no other one chooses. */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = unused.shift();
    if (port === undefined) unused.push(...(await reserveBlock()));
    else if (!given.has(port) && (await isFree(port))) return port;
  }
}

export async function findPorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) found.push(await findPort());
  return found;
}

/** Their servers have ended for good: they are chosen again once all others are. */
export function returnPorts(...ports: number[]): void {
  unused.push(...ports);
}

/** @throws {FleetError} if other processes have them all */
async function reserveBlock(): Promise<number[]> {
  const count = (last - first) / blockSize;
  const start = Math.floor(Math.random() * count);
  for (let number = 0; number < count; number++) {
    const block = first + ((start + number) % count) * blockSize;
    const server = await listen(block);
    if (!server) continue;
    server.unref();
    return Array.from({ length: blockSize - 1 }, (_, index) => block + 1 + index);
  }
  throw new FleetError(`no free port found from ${first} to ${last} on 127.0.0.1`);
}

/** For a port that the user has chosen. @throws {FleetError} if it is in use, saying which option chooses another */
export async function requireFree(port: number, what: string, option: string): Promise<void> {
  given.add(port);
  if (await isFree(port)) return;
  throw new FleetError(`port ${port} (${what}) is in use: stop what listens there, or choose another with ${option}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  return server !== undefined;
}

/** @returns undefined if the port is in use */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
