import type { PartStatus, RedisReport, ReplicaStatus } from '../fleet.ts';
import type { Container } from './docker.ts';

/** The session store that a replica uses. */
export function storeOf({ Config }: Container): string {
  return Config.Env.find((line) => line.startsWith('SESSION_STORE='))?.split('=')[1] || 'durable';
}

/** @param served requests served by IP address */
export function toStatus(container: Container, served: Map<string, number>): ReplicaStatus {
  const state = stateOf(container);
  const addresses = Object.values(container.NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
  const requests = addresses.map((address) => served.get(address)).find((count) => count !== undefined);
  return {
    number: container.number,
    name: container.replica,
    label: `app-${container.number}`,
    runsAs: container.Name.slice(1),
    state,
    since: sinceOf(state, container),
    requestsServed: state === 'ready' ? (requests ?? null) : null,
  };
}

/** Docker does not note when a container was paused. */
function sinceOf(state: string, { State: { StartedAt, FinishedAt } }: Container): string | null {
  return state === 'paused' ? null : state === 'down' ? FinishedAt : StartedAt;
}

/** @param redis what Redis reports of itself; null if it does not answer */
export function toPartStatus(name: PartStatus['name'], container: Container, redis: RedisReport | null): PartStatus {
  const state = partStateOf(name, container, redis);
  const facts = (name === 'redis' && redis?.facts) || [];
  return { name, runsAs: container.Name.slice(1), state, since: sinceOf(state, container), facts };
}

function partStateOf(name: string, container: Container, redis: RedisReport | null): PartStatus['state'] {
  const state = stateOf(container);
  if (state === 'paused' || state === 'down') return state;
  if (name === 'redis') return redis === null ? 'silent' : redis.refusesWrites ? 'refuses' : 'ready';
  // A container without a health check is taken for ready as it runs.
  return state === 'ready' || container.State.Health === undefined ? 'ready' : 'silent';
}

function stateOf({ State: { Status, Health } }: Container): ReplicaStatus['state'] {
  if (Status === 'paused') return 'paused';
  if (Status !== 'running' && Status !== 'restarting') return 'down';
  return Status === 'running' && Health?.Status === 'healthy' ? 'ready' : 'starting';
}
