import type { ReplicaStatus } from '../fleet/fleet.ts';
import type { Tone } from './view.ts';

export interface Change {
  tone: Tone;
  text: string;
  /** A replica that was taken away. */
  lost?: string;
}

/** What became of the replicas between two looks at them, in words. */
export function changesBetween(before: ReplicaStatus[], now: ReplicaStatus[]): Change[] {
  const nameOf = ({ name }: ReplicaStatus) => name;
  const known = new Map(before.map((replica) => [replica.name, replica]));
  const names = new Set(now.map(nameOf));
  const gone = before.filter(({ name }) => !names.has(name));
  return [
    ...gone.map(({ name }): Change => ({ tone: 'plain', text: `${name} is there no more` })),
    ...now.flatMap((replica) => changeOf(known.get(replica.name), replica) ?? []),
  ];
}

function changeOf(before: ReplicaStatus | undefined, { name, state, since }: ReplicaStatus): Change | undefined {
  if (!before) return { tone: 'plain', text: `${name} is new` };
  if (before.state !== state) return says(name, state);
  const isAnother = state === 'ready' && before.since !== since;
  return isAnother ? { tone: 'good', text: `${name} was started anew and is ready` } : undefined;
}

function says(name: string, state: ReplicaStatus['state']): Change | undefined {
  switch (state) {
    case 'down':
      return { tone: 'bad', text: `${name} is down`, lost: name };
    case 'paused':
      return { tone: 'unknown', text: `${name} is paused: it accepts connections and answers nobody`, lost: name };
    case 'ready':
      return { tone: 'good', text: `${name} is ready` };
    default:
      return undefined; // on its way
  }
}
