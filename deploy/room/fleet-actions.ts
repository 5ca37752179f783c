import type { Action } from './action.ts';
import type { Stage } from './situation.ts';

const all = { target: 'replicas', mark: 'replica', limitSeconds: 300 } as const;

/** What can be done to the replicas as a whole. */
export const fleetActions = {
  add: {
    ...all,
    label: 'Add a replica',
    words: ['Adding', 'Added', 'add'],
    object: 'a replica',
    short: 'add',
    needs: 'scale',
    run: ({ fleet }) => scaleBy(fleet, 1),
  },
  remove: {
    ...all,
    label: 'Remove one',
    words: ['Removing', 'Removed', 'remove'],
    object: 'the newest replica',
    short: 'remove',
    needs: 'scale',
    why: ({ replicas }) => (replicas.length === 1 ? 'this is the last replica' : undefined),
    run: ({ fleet }) => scaleBy(fleet, -1),
  },
  roll: {
    ...all,
    label: 'Roll all',
    words: ['Restarting', 'Restarted', 'restart'],
    object: 'all replicas, one after the other',
    short: 'roll all',
    needs: 'roll',
    run: ({ fleet }) => fleet.roll(),
  },
  'store-durable': storeAction('durable'),
  'store-plain': storeAction('plain'),
  'store-memory': storeAction('memory'),
} satisfies Record<string, Action>;

async function scaleBy(fleet: Stage['fleet'], more: number): Promise<void> {
  const replicas = await fleet.replicas();
  await fleet.scale(replicas.length + more);
}

function storeAction(store: string): Action {
  return {
    ...all,
    label: store,
    words: ['Switching', 'Switched', 'switch'],
    object: `sessions to the store ${store}`,
    short: `store ${store}`,
    needs: 'deploy',
    costs: true,
    why({ description, sight: { state } }) {
      if (description?.store === store) return 'sessions are kept there now';
      return state === 'arriving' || state === 'leaving' ? 'the users are on their way' : undefined;
    },
    run: (stage) => switchStore(stage, store),
  };
}

/** Stores share no sessions: users who stayed would lose theirs by the switch, and not by the store. So they come anew. */
async function switchStore({ fleet, visitors, report }: Stage, store: string): Promise<void> {
  const isWatched = visitors.look().state === 'busy';
  if (isWatched) await visitors.stop();
  try {
    await fleet.deploy({ SESSION_STORE: store });
  } finally {
    if (isWatched) {
      report('The users begin anew: the stores share no sessions');
      await visitors.start(await fleet.describe());
    }
  }
}
