/** What a replica is doing. Only `ready` answers /readyz with 200. */
export type State = 'starting' | 'ready' | 'draining' | 'stopped';

/** The state of one replica, which only moves forward: starting → ready → draining → stopped. */
export interface Lifecycle {
  readonly state: State;
  readonly startedAt: Date;
  /** Aborts when the replica drains: what stays open ends then. */
  readonly draining: AbortSignal;
  advance(to: State): void;
}

/** In order. */
export const states: readonly State[] = ['starting', 'ready', 'draining', 'stopped'];

export function createLifecycle(): Lifecycle {
  let state: State = 'starting';
  const draining = new AbortController();
  return {
    startedAt: new Date(),
    draining: draining.signal,
    get state() {
      return state;
    },
    advance(to) {
      if (states.indexOf(to) > states.indexOf(state)) state = to;
      if (to === 'draining') draining.abort();
    },
  };
}
