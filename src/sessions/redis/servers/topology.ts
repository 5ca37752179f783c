import type { Address, Client } from '../client.ts';
import { within } from '../deadline.ts';

/** A Cluster divides its keys into so many slots. */
const slotCount = 16_384;

/** CRC-16/XMODEM of each byte: the Cluster's specification, appendix A. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key: of what is in its first braces, if that is anything, so that keys can share one. */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ byte] as number);
  return crc % slotCount;
}

/** For each slot the server that has its keys, named `host:port`, and how recent that is. */
export interface Topology {
  owners: (string | undefined)[];
  /** A primary that takes over a slot has a higher epoch than that before it. */
  epochs: Float64Array;
}

export const unknown = (): Topology => ({
  owners: new Array(slotCount).fill(undefined),
  epochs: new Float64Array(slotCount).fill(-1),
});

/** A range of slots and the primary that has it, as one server knows it. */
interface SlotRange {
  server: string;
  epoch: number;
  from: number;
  to: number;
}

export const nameOf = ({ host, port }: Address) => `${host}:${port}`;

export function addressOf(server: string): Address {
  const colon = server.lastIndexOf(':');
  return { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) };
}

/**
 * Asks servers of a Cluster at the same time what they know. Where they differ, the primary with the highest epoch has the
 * slot: one that was cut off from the others does not know that it has been replaced.
 * @returns how many have answered, and what they know together; owners are undefined for slots that no server has
 */
export async function readTopology(servers: Iterable<readonly [Address, Client]>, ms: number) {
  const asked = [...servers].map(([address, client]) => within(ms, readView(client, address.host)));
  const settled = await Promise.allSettled(asked);
  const views = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const topology = unknown();
  for (const { server, epoch, from, to } of views.flat())
    for (let slot = from; slot <= to; slot++) putIn(topology, slot, server, epoch);
  const problem = settled.find((result) => result.status === 'rejected')?.reason as Error | undefined;
  return { answers: views.length, topology, problem };
}

/**
 * The same of one server, over a connection of its own: of the first that answers.
 * @returns the problem of the first one, if none has answered
 */
export async function readFromFirst(servers: string[], connectTo: Connect, ms: number, closing: AbortSignal) {
  let problem: Error | undefined;
  for (const server of servers) {
    if (closing.aborted) break;
    const view = await readFrom(addressOf(server), connectTo, ms);
    if (view.answers > 0) return view;
    problem ??= view.problem;
  }
  return { answers: 0, topology: unknown(), problem };
}

type Connect = (address: Address) => Client;

async function readFrom(address: Address, connectTo: Connect, ms: number) {
  const client = connectTo(address);
  let problem: Error | undefined;
  client.on('error', (err) => {
    problem = err;
  });
  try {
    await within(ms, client.connect());
    return await readTopology([[address, client]], ms);
  } catch (err) {
    return { answers: 0, topology: unknown(), problem: problem ?? (err as Error) };
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** What is known, with what a few servers say if it is not older: they may be cut off from the others. */
export function withNewer(known: Topology, said: Topology): Topology {
  const both = { owners: [...known.owners], epochs: known.epochs.slice() };
  for (const [slot, server] of said.owners.entries())
    if (server !== undefined) putIn(both, slot, server, said.epochs[slot] as number);
  return both;
}

function putIn({ owners, epochs }: Topology, slot: number, server: string, epoch: number): void {
  if (epoch < (epochs[slot] as number)) return;
  epochs[slot] = epoch;
  owners[slot] = server;
}

/** @param ownHost where it was asked: it may not know its own address @throws what Redis refuses */
async function readView(client: Client, ownHost: string): Promise<SlotRange[]> {
  const [slots, nodes] = await Promise.all(['SLOTS', 'NODES'].map((what) => client.sendCommand(['CLUSTER', what])));
  const lines = String(nodes).split('\n');
  const epochs = new Map(lines.map((line) => line.split(' ')).map((fields) => [fields[0], Number(fields[6])]));
  return (slots as [number, number, [string | null, number, string]][]).map(([from, to, [host, port, id]]) => {
    const server = nameOf({ host: host && host !== '?' ? host : ownHost, port });
    return { server, epoch: epochs.get(id) ?? 0, from, to };
  });
}
