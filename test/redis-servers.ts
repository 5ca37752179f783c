import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createClient } from 'redis';
import { until } from './replica.ts';

// What tests do with servers of Redis and sentinels on 127.0.0.1.

/**
 * Starts a server, once the one that was started before has ended: it holds the port.
 * @param log file for what it prints
 * @throws {Error} with the end of its log, if it does not answer within 10 s
 */
export async function startServer(port: number, args: string[], log: string, before?: ChildProcess) {
  await endAll([before]);
  const output = openSync(log, 'a');
  const child = spawn('redis-server', ['--port', String(port), ...args], { stdio: ['ignore', output, output] });
  closeSync(output);
  await until(() => command(port, 'PING')).catch((cause) => {
    child.kill('SIGKILL');
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-20);
    throw new Error(`no Redis at port ${port}:\n${lines.join('\n')}`, { cause });
  });
  return child;
}

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
export async function endAll(children: (ChildProcess | undefined)[]): Promise<void> {
  const running = children.filter((child) => child?.exitCode === null && child.signalCode === null) as ChildProcess[];
  const ended = running.map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ended);
}
