import type { FaultTarget } from '../users/history.ts';

/** What the keys of format 1 are called in format 2. */
const renamed: Record<string, string> = {
  saw: 'observed',
  sawUser: 'observedUser',
  ids: 'sessionIds',
  ends: 'endsSessions',
  replicaStarted: 'replicaStartedAt',
  repeats: 'repeatOf',
  logged: 'loggedStatus',
  tries: 'upstreamTries',
  landed: 'evidence',
  mayCost: 'impactBudget',
  isFelt: 'mustFail',
  strangers: 'unmatchedLogLines',
  background: 'backgroundLoad',
  pauses: 'eventLoopStalls',
  replicasLeft: 'replicasAtEnd',
  why: 'reason',
};

/** Faults of format 1 whose target is no replica; a fault there has no `target`. */
const targets: Record<string, FaultTarget> = {
  ...named('fleet', 'roll', 'scale-up', 'scale-down', 'deploy', 'rotate-secret', 'clock-skew', 'mixed-versions'),
  ...named('redis', 'redis-kill', 'redis-restart', 'redis-pause', 'redis-outage', 'redis-full', 'redis-slow-disk'),
  ...named('network', 'cut-replica', 'delay-redis', 'reset-redis'),
  ...named('nginx', 'reload-nginx', 'kill-nginx'),
};

function named(target: FaultTarget, ...faults: string[]): Record<string, FaultTarget> {
  return Object.fromEntries(faults.map((fault) => [fault, target]));
}

/** Converts a line of a format 1 history to format 2. */
export function upgradeLine(line: object): object {
  const upgraded = rename(line) as Record<string, unknown>;
  if ('format' in upgraded) upgraded.format = 2;
  if (typeof upgraded.fault === 'string') upgraded.target = targets[upgraded.fault] ?? 'replica';
  return upgraded;
}

/** Renames the keys of an object, and of the objects in it. Free text under `environment` has keys of its own. */
function rename(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rename);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [renamed[key] ?? key, key === 'environment' ? inner : rename(inner)]),
  );
}
