import { type Address, type Client, isSameAddress } from '../client.ts';

/** Which server is the primary, as a sentinel says: a later one has a higher epoch. */
export interface Sighting extends Address {
  epoch: number;
  /** This sentinel has begun to replace it. */
  isLeaving: boolean;
}

/** @param name of the primary, as sentinels know it */
export async function askSentinel(client: Client, name: string): Promise<Sighting> {
  // The address comes from the first: during a failover the second has the old one, with the new epoch.
  const replies = ['GET-MASTER-ADDR-BY-NAME', 'MASTER'].map((what) => client.sendCommand(['SENTINEL', what, name]));
  const [address, primary] = await Promise.all(replies);
  const [host, port] = address as [string, string];
  const fields = fieldsOf(primary);
  // Once a sentinel names the successor, the flag only says that it still has to reconfigure other replicas.
  const isSame = fields.get('ip') === host && String(fields.get('port')) === String(port);
  const isLeaving = isSame && /failover_in_progress|force_failover/.test(String(fields.get('flags')));
  return { host, port: Number(port), epoch: Number(fields.get('config-epoch')), isLeaving };
}

/**
 * What most of those with the highest epoch say; undefined if they do not agree. One that could not resolve the name of the new
 * primary when it heard of it has the new epoch with the old address, until the next failover (seen with Redis 8.0).
 */
export function latestOf(sightings: Sighting[]): Sighting | undefined {
  const epoch = Math.max(...sightings.map((sighting) => sighting.epoch));
  const latest = sightings.filter((sighting) => sighting.epoch === epoch);
  return latest.find((one) => 2 * latest.filter((other) => isSameAddress(one, other)).length > latest.length);
}

/** A map of RESP3, or the flat list of RESP2. */
function fieldsOf(reply: unknown): Map<unknown, unknown> {
  if (reply instanceof Map) return reply;
  const list = Array.isArray(reply) ? reply : Object.entries(reply as object).flat();
  return new Map(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1]] as const] : [])));
}
