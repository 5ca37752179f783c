import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { command, endAll, startServer } from './redis-servers.ts';
import { findPort, findPorts } from '../deploy/fleet/ports.ts';
import { until } from './replica.ts';

// A primary, two replicas and three sentinels, real ones, for tests.

export interface TestSentinels {
  sentinels: { host: string; port: number }[];
  /** Ports of the servers: the first began as the primary. */
  ports: number[];
  name: string;
  /** The port of the server that the sentinels name. */
  primary(): Promise<number>;
  /** Runs one command at a port. */
  command(port: number, ...args: string[]): Promise<unknown>;
  /** The process at a port. */
  process(port: number): ChildProcess;
  /** Starts a server that has ended, as a replica of the first: sentinels make it one of the present primary. */
  start(port: number): Promise<void>;
  /** Starts a sentinel that takes the server at this port for the primary. It is not among `sentinels`. */
  startMistaken(port: number): Promise<{ host: string; port: number }>;
  stop(): Promise<void>;
}

const host = '127.0.0.1';
const name = 'unsticky';

export async function startTestSentinels(): Promise<TestSentinels> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-sentinel-'));
  const ports = await findPorts(3);
  const [first = 0] = ports;
  const processes = new Map<number, ChildProcess>();
  const keep = ['--appendonly', 'no', '--save', '', '--bind', host, '--dir', dir, '--repl-diskless-sync-delay', '0'];
  const writes = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'];

  async function start(port: number): Promise<void> {
    const of = port === first && !processes.has(port) ? [] : ['--replicaof', host, String(first)];
    const args = ['--dbfilename', `${port}.rdb`, ...keep, ...writes, ...of];
    processes.set(port, await startServer(port, args, path.join(dir, `${port}.log`), processes.get(port)));
  }

  const sentinels: TestSentinels['sentinels'] = [];
  async function startSentinel(primary: number): Promise<{ host: string; port: number }> {
    const port = await findPort();
    const file = path.join(dir, `sentinel-${port}.conf`);
    const lines = [
      `port ${port}`,
      `bind ${host}`,
      `dir ${dir}`,
      `sentinel monitor ${name} ${host} ${primary} 2`,
      `sentinel down-after-milliseconds ${name} 1000`,
      `sentinel failover-timeout ${name} 1000`,
    ];
    writeFileSync(file, lines.join('\n'));
    processes.set(port, spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' }));
    return { host, port };
  }

  const asked = async () =>
    (await command(sentinels[0]?.port ?? 0, 'SENTINEL', 'MASTER', name)) as Record<string, string>;
  const fieldOf = (reply: Record<string, string>, field: string) => Number(reply[field]);
  try {
    for (const port of ports) await start(port);
    await until(async () => /connected_slaves:2/.test(String(await command(first, 'INFO', 'replication'))));
    for (let number = 0; number < 3; number++) sentinels.push(await startSentinel(first));
    await until(async () => {
      const reply = await asked();
      return fieldOf(reply, 'num-slaves') === 2 && fieldOf(reply, 'num-other-sentinels') === 2;
    });
  } catch (err) {
    await endAll([...processes.values()]);
    throw err;
  }
  return {
    sentinels,
    ports,
    name,
    command,
    start,
    primary: async () => fieldOf(await asked(), 'port'),
    process: (port) => processes.get(port) as ChildProcess,
    startMistaken: startSentinel,
    stop: () => endAll([...processes.values()]),
  };
}
