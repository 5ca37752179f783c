import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { command, connectTo, endAll, startServer } from './redis-servers.ts';
import { findPorts } from '../deploy/fleet/ports.ts';
import { until } from './replica.ts';

// A Cluster of three primaries with one replica each, real ones, for tests.

export interface TestCluster {
  nodes: { host: string; port: number }[];
  /** Ports of the servers: the first three began as primaries. */
  ports: number[];
  /** Runs one command at a port. */
  command(port: number, ...args: string[]): Promise<unknown>;
  /** The process at a port. */
  process(port: number): ChildProcess;
  /** Starts a server that has ended, as what the others make of it. */
  start(port: number): Promise<void>;
  /** Port of the primary that has a slot, as the server at another port knows it. */
  ownerOf(slot: number, asked?: number): Promise<number>;
  /** Moves a slot with its keys, as `redis-cli --cluster reshard` does. @param during is called with the keys half moved */
  moveSlot(slot: number, to: number, during?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const host = '127.0.0.1';

export async function startTestCluster(): Promise<TestCluster> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-cluster-'));
  const [ports, buses] = [await findPorts(6), await findPorts(6)];
  const busOf = (port: number) => String(buses[ports.indexOf(port)]);
  const processes = new Map<number, ChildProcess>();
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--bind', host, '--save', ''];
  const writes = ['--cluster-require-full-coverage', 'no', '--repl-diskless-sync-delay', '0', '--appendonly', 'yes'];

  async function start(port: number): Promise<void> {
    const own = ['--cluster-port', busOf(port), '--cluster-config-file', `${port}.conf`, '--dir', dir];
    const file = ['--appenddirname', `aof-${port}`, '--dbfilename', `${port}.rdb`];
    const log = path.join(dir, `${port}.log`);
    processes.set(port, await startServer(port, [...own, ...file, ...options, ...writes], log, processes.get(port)));
  }

  const idOf = async (port: number) => String(await command(port, 'CLUSTER', 'MYID'));
  const primaries = () => ports.slice(0, 3);

  async function join(): Promise<void> {
    const slotRanges = ['0 5460', '5461 10922', '10923 16383'];
    for (const [at, port] of primaries().entries())
      await command(port, 'CLUSTER', 'ADDSLOTSRANGE', ...(slotRanges[at] as string).split(' '));
    for (const [at, port] of ports.entries()) await command(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1));
    for (const port of ports.slice(1))
      await command(ports[0] as number, 'CLUSTER', 'MEET', host, String(port), busOf(port));
    for (const [at, port] of ports.slice(3).entries()) {
      const primary = await idOf(ports[at] as number);
      await until(() => command(port, 'CLUSTER', 'REPLICATE', primary));
    }
    for (const port of ports)
      await until(async () => /cluster_state:ok/.test(String(await command(port, 'CLUSTER', 'INFO'))));
    for (const port of primaries())
      await until(async () =>
        /connected_slaves:1\r\n.*state=online/s.test(String(await command(port, 'INFO', 'replication'))),
      );
    // Each knows all replicas: one that does not would not vote for them.
    for (const port of ports)
      await until(async () => String(await command(port, 'CLUSTER', 'NODES')).match(/slave /g)?.length === 3);
  }

  async function ownerOf(slot: number, asked = ports[0] as number): Promise<number> {
    const slots = (await command(asked, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const [, , [, port]] = slots.find(([from, to]) => from <= slot && slot <= to) ?? [0, 0, ['', 0]];
    return port;
  }

  async function moveSlot(slot: number, to: number, during?: () => Promise<void>): Promise<void> {
    const from = await ownerOf(slot, to);
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    // Changes of the slot wait from here on: so no command has to connect first.
    const [source, target] = [await connectTo(from), await connectTo(to)];
    const set = ['CLUSTER', 'SETSLOT', String(slot)];
    try {
      await target.sendCommand([...set, 'IMPORTING', fromId]);
      await source.sendCommand([...set, 'MIGRATING', toId]);
      for (;;) {
        const atOnce = during ? '1' : '10'; // 10 is redis-cli's
        const keys = (await source.sendCommand(['CLUSTER', 'GETKEYSINSLOT', String(slot), atOnce])) as string[];
        if (keys.length === 0) break;
        await source.sendCommand(['MIGRATE', host, String(to), '', '0', '1000', 'KEYS', ...keys]);
        await during?.();
      }
      for (const server of [target, source]) await server.sendCommand([...set, 'NODE', toId]);
    } finally {
      for (const server of [source, target]) server.destroy();
    }
  }

  async function stop(): Promise<void> {
    await endAll([...processes.values()]);
    rmSync(dir, { recursive: true, force: true });
  }

  try {
    await Promise.all(ports.map(start));
    await join();
  } catch (err) {
    await stop();
    throw err;
  }
  return {
    nodes: ports.map((port) => ({ host, port })),
    ports,
    command,
    start,
    ownerOf,
    moveSlot,
    process: (port) => processes.get(port) as ChildProcess,
    stop,
  };
}
