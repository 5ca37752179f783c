/** What a replica is doing. Only `ready` answers /readyz with 200. */
export type State = 'starting' | 'ready' | 'draining' | 'stopped';

/** The state of one replica, which only moves forward: starting → ready → draining → stopped. */
export interface Lifecycle {
  readonly state: State;
  readonly startedAt: Date;
  advance(to: State): void;
}

/** In order. */
export const states: readonly State[] = ['starting', 'ready', 'draining', 'stopped'];

export function createLifecycle(): Lifecycle {
  let state: State = 'starting';
  return {
    startedAt: new Date(),
    get state() {
      return state;
    },
    advance(to) {
      if (states.indexOf(to) > states.indexOf(state)) state = to;
    },
  };
}
