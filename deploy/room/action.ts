import type { ReplicaStatus } from '../fleet/fleet.ts';
import type { Mark } from './journal.ts';
import type { Situation, Stage } from './situation.ts';

/** Something that a button does. */
export interface Action {
  label: string;
  /** Of one target one thing is done at a time. */
  target: 'replica' | 'replicas' | 'redis' | 'nginx' | 'users';
  /** `Killing`, `Killed`, `kill`; what it is done to comes after it. */
  words: [doing: string, done: string, verb: string];
  /** What it is done to, where that is not the replica. */
  object?: string;
  /** On the timeline, where verb and object are too long. */
  short?: string;
  /** The method of the fleet that it needs. */
  needs?: string;
  /** Requests may fail by it: not for somebody else's proof. */
  costs?: true;
  limitSeconds: number;
  mark: Mark['kind'] | null;
  /** Why it cannot be done as things are. */
  why?(situation: Situation, replica: ReplicaStatus | undefined): string | undefined;
  run(stage: Stage, replica: number): Promise<unknown>;
}

/** `replica-2`, `Redis` */
export function objectOf({ object }: Action, replica: { name: string } | undefined): string {
  return object ?? replica?.name ?? 'it';
}

/** What the fleet's driver has no hand on. */
export function lackOf({ needs, words, object }: Action, { fleet }: Situation): string | undefined {
  if (needs === undefined) return undefined;
  const method = needs.split('.').reduce<unknown>((part, name) => (part as Record<string, unknown>)?.[name], fleet);
  if (typeof method === 'function') return undefined;
  return `the ${fleet.driver} fleet cannot ${words[2]} ${object ?? 'a replica'}`;
}
