import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from 'redis';

// What tests do with servers of Redis and sentinels on 127.0.0.1.

/** A connection to a port. */
export async function connectTo(port: number) {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false, connectTimeout: 5000 } });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs one command at a port, over a connection of its own. */
export async function command(port: number, ...args: string[]): Promise<unknown> {
  const client = await connectTo(port);
  return client.sendCommand(args).finally(() => client.destroy());
}

/** Signals all at once, and waits for their ends. */
export async function endAll(children: ChildProcess[]): Promise<void> {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = running.map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ended);
}
