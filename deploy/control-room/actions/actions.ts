import { capitalize } from '../../../web/format.ts';
import type { Fleet, ReplicaStatus } from '../../fleet/fleet.ts';
import type { RoomState } from '../monitor/state.ts';
import type { Mark } from '../protocol.ts';
import type { RoomUsers } from '../users.ts';

/** What an action works with. */
export interface ActionContext {
  fleet: Fleet;
  users: RoomUsers;
  /** Writes to the event log what the replicas' states do not show. */
  report(line: string): void;
}

/** What a button does. */
export interface Action {
  /** Each is followed by the object. */
  words: readonly [doing: string, done: string, verb: string];
  /** What it is done to, unless that is the replica. */
  object?: string;
  /** On the button. */
  label: string;
  /** On the timeline, if verb and object are too long. */
  short?: string;
  /** One action at a time runs on each target. */
  target: 'replica' | 'replicas' | 'redis' | 'nginx' | 'users';
  mark: Mark['kind'] | null;
  /** The method of the fleet that it needs, such as `redis.kill`. */
  needs?: string | null;
  limitSeconds: number;
  /** Why it is impossible in this state. */
  why?(state: RoomState, replica: ReplicaStatus | undefined): string | undefined;
  run(context: ActionContext, replica: number): Promise<unknown>;
}

const words = {
  add: ['Adding', 'Added', 'add'],
  kill: ['Killing', 'Killed', 'kill'],
  pause: ['Pausing', 'Paused', 'pause'],
  reload: ['Reloading', 'Reloaded', 'reload'],
  remove: ['Removing', 'Removed', 'remove'],
  restart: ['Restarting', 'Restarted', 'restart'],
  resume: ['Resuming', 'Resumed', 'resume'],
  start: ['Starting', 'Started', 'start'],
  stop: ['Stopping', 'Stopped', 'stop'],
  switch: ['Switching', 'Switched', 'switch'],
} as const;

const targets = {
  replica: { target: 'replica', mark: 'replica', limitSeconds: 30 },
  replicas: { target: 'replicas', mark: 'replica', limitSeconds: 300 },
  redis: { target: 'redis', object: 'Redis', mark: 'redis', limitSeconds: 30 },
  nginx: { target: 'nginx', object: 'nginx', mark: 'nginx', limitSeconds: 30 },
  users: { target: 'users', object: 'the users', mark: null, limitSeconds: 30 },
} as const;

/** Every button of the room, by name. */
export const actions: Record<string, Action> = {
  kill: action('replica', 'kill', 'kill', ({ fleet }, n) => fleet.kill(n, 'SIGKILL'), { why: ifDown }),
  stop: action('replica', 'stop', 'kill', ({ fleet }, n) => fleet.kill(n, 'SIGTERM'), { why: ifStopped }),
  pause: action('replica', 'pause', 'pause', ({ fleet }, n) => fleet.pause(n), { why: ifDown }),
  resume: action('replica', 'resume', 'resume', ({ fleet }, n) => fleet.resume(n), { why: ifDown }),
  restart: action('replica', 'restart', 'restart', ({ fleet }, n) => fleet.restart(n)),
  start: action('replica', 'start', 'restart', ({ fleet }, n) => fleet.restart(n)),

  add: action('replicas', 'add', 'scale', ({ fleet }) => scaleBy(fleet, 1), {
    object: 'a replica',
    label: 'Add a replica',
    short: 'add',
  }),
  remove: action('replicas', 'remove', 'scale', ({ fleet }) => scaleBy(fleet, -1), {
    object: 'the newest replica',
    label: 'Remove one',
    short: 'remove',
    why: ({ replicas }) => (replicas.length === 1 ? 'this is the last replica' : undefined),
  }),
  roll: action('replicas', 'restart', 'roll', ({ fleet }) => fleet.roll(), {
    object: 'all replicas, one after the other',
    label: 'Roll all',
    short: 'roll all',
  }),
  'store-durable': switchAction('durable'),
  'store-plain': switchAction('plain'),
  'store-memory': switchAction('memory'),

  'redis-restart': action('redis', 'restart', 'redis.restart', ({ fleet }) => fleet.redis.restart()),
  'redis-pause': action('redis', 'pause', 'redis.pause', ({ fleet }) => fleet.redis.pause(), {
    why: ({ redis }) => (redis === 'down' ? 'Redis is down' : undefined),
  }),
  'redis-resume': action('redis', 'resume', 'redis.resume', ({ fleet }) => fleet.redis.resume()),
  'redis-kill': action('redis', 'kill', 'redis.kill', ({ fleet }) => fleet.redis.kill('SIGKILL')),
  'redis-start': action('redis', 'start', 'redis.start', ({ fleet }) => fleet.redis.start()),

  'nginx-reload': action('nginx', 'reload', 'proxy.reload', ({ fleet }) => fleet.proxy.reload(), {
    why: ({ nginx }) => (nginx === 'up' || nginx === 'unknown' ? undefined : 'nginx is down'),
  }),
  'nginx-kill': action('nginx', 'kill', 'proxy.kill', ({ fleet }) => fleet.proxy.kill('SIGKILL')),
  'nginx-start': action('nginx', 'start', 'proxy.start', ({ fleet }) => fleet.proxy.start()),

  'users-start': action('users', 'start', null, async ({ fleet, users }) => users.start(await fleet.describe()), {
    label: 'Start the users',
    why: ({ users }) => users.reserved,
  }),
  'users-stop': action('users', 'stop', null, ({ users }) => users.stop(), {
    label: 'Stop the users',
    why: ({ users }) => users.reserved,
  }),
};

function action(
  target: Action['target'],
  verb: keyof typeof words,
  needs: string | null,
  run: Action['run'],
  more: Partial<Action> = {},
): Action {
  return { ...targets[target], words: words[verb], label: capitalize(verb), needs, run, ...more };
}

function switchAction(store: string): Action {
  return action('replicas', 'switch', 'deploy', (context) => switchStore(context, store), {
    object: `to the ${store} store`,
    label: store,
    short: `store ${store}`,
    why({ description, users: { state } }) {
      if (description?.store === store) return 'this store is in use';
      return state === 'arriving' || state === 'leaving' ? 'the users are logging in or out' : undefined;
    },
  });
}

/** Stores share no sessions: users who stayed would lose theirs through the switch, not the store. So they start again. */
async function switchStore({ fleet, users, report }: ActionContext, store: string): Promise<void> {
  const wereBusy = users.status().state === 'busy';
  if (wereBusy) await users.stop();
  try {
    await fleet.deploy({ SESSION_STORE: store });
  } finally {
    if (wereBusy) {
      report('Users restarted with new sessions: the stores share none');
      await users.start(await fleet.describe());
    }
  }
}

async function scaleBy(fleet: Fleet, more: number): Promise<void> {
  const replicas = await fleet.replicas();
  await fleet.scale(replicas.length + more);
}

function ifDown(_: RoomState, replica: ReplicaStatus | undefined): string | undefined {
  return replica?.state === 'down' ? `${replica.label} is down` : undefined;
}

function ifStopped(state: RoomState, replica: ReplicaStatus | undefined): string | undefined {
  const isPaused = replica?.state === 'paused';
  return isPaused ? `${replica.label} is paused and would not receive the signal` : ifDown(state, replica);
}
