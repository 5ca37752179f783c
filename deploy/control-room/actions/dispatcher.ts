import { formatDuration } from '../../../web/format.ts';
import type { Fleet, FleetError, ReplicaStatus } from '../../fleet/fleet.ts';
import { withTimeout } from '../../fleet/wait.ts';
import type { EventLog } from '../monitor/event-log.ts';
import type { RoomState } from '../monitor/state.ts';
import type { Button, Refusal } from '../protocol.ts';
import { type Action, type ActionContext, actions as allActions } from './actions.ts';

/** Runs the actions of buttons: one at a time on each target, for all viewers together. */
export interface Dispatcher {
  /** Starts an action. @returns why it was refused; undefined if it started */
  start(name: string, replica: number | undefined, state: RoomState): Refusal | undefined;
  button(name: string, state: RoomState, replica?: number): Button;
  /** While the replicas get another store: that in words, and since when (milliseconds since 1970). */
  readonly switching: { text: string; since: number } | undefined;
  /** The last action that succeeded on each target. */
  readonly lastDone: ReadonlyMap<Action['target'], string>;
  /** Calls `listener` whenever an action has started or ended. */
  onChange(listener: () => void): void;
}

export interface DispatcherOptions extends Omit<ActionContext, 'report'> {
  eventLog: EventLog;
  actions?: Record<string, Action>;
}

export function createDispatcher({ fleet, users, eventLog, actions = allActions }: DispatcherOptions): Dispatcher {
  const running = new Map<string, { name: string; text: string; since: number }>();
  const lastDone = new Map<Action['target'], string>();
  let changed = () => {};

  /** Why an action cannot run now. */
  function refusalOf(name: string, action: Action, state: RoomState, number?: number): string | undefined {
    if (!isSupported(fleet, action)) return `not supported by the ${fleet.driver} fleet`;
    const all = running.get('replicas');
    const busy = running.get(keyOf(action, number)) ?? (all && waitsFor(name, all) ? all : undefined);
    if (busy) return `${busy.text} is still running`;
    if (!state.description && name !== 'users-stop') return 'no fleet is up';
    const { reserved, state: usersState } = state.users;
    if (reserved && usersState !== 'away') return reserved; // a plan runs: its verdict must be on that alone
    const replica = replicaOf(state, number);
    if (action.target === 'replica' && !replica) return `there is no replica ${number}`;
    return action.why?.(state, replica);
  }

  async function run(name: string, action: Action, replica: ReplicaStatus | undefined): Promise<void> {
    const [doing, done, verb] = action.words;
    const object = action.object ?? replica?.label;
    const key = keyOf(action, replica?.number);
    running.set(key, { name, text: `${doing} ${object}`, since: Date.now() });
    changed();
    if (action.mark) eventLog.mark(action.mark, action.short ?? `${verb} ${object}`);
    const rewrite = eventLog.write('plain', `${doing} ${object} …`);
    const report = (line: string) => void eventLog.write('plain', line);
    const start = performance.now();
    try {
      const work = async () => action.run({ fleet, users, report }, replica?.number ?? 0);
      await withLimit(work(), action.limitSeconds);
      lastDone.set(action.target, name);
      rewrite('plain', `${done} ${object} (${formatDuration(performance.now() - start)})`);
    } catch (err) {
      rewrite('bad', `Could not ${verb} ${object}: ${describeError(err as FleetError)}`);
    }
    running.delete(key);
    changed();
  }

  return {
    get switching() {
      const all = running.get('replicas');
      return all && isSwitch(all) ? all : undefined;
    },
    lastDone,
    onChange(listener) {
      changed = listener;
    },
    start(name, number, state) {
      const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
      if (!action) return { status: 404, reason: `there is no action ${name}` };
      const reason = refusalOf(name, action, state, number);
      if (reason) return { status: 409, reason };
      void run(name, action, replicaOf(state, number));
      return undefined;
    },
    button(name, state, replica) {
      const action = actions[name] as Action;
      const disabledReason = refusalOf(name, action, state, replica);
      const isBusy = running.get(keyOf(action, replica))?.name === name;
      return { action: name, label: action.label, replica, disabledReason, isBusy };
    },
  };
}

function isSupported(fleet: Fleet, { needs }: Action): boolean {
  const path = needs?.split('.') ?? [];
  return (
    path.reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], fleet) !== undefined
  );
}

function replicaOf({ replicas }: RoomState, number: number | undefined): ReplicaStatus | undefined {
  return replicas.find((replica) => replica.number === number);
}

function keyOf({ target }: Action, replica: number | undefined): string {
  return target === 'replica' ? `replica ${replica}` : target;
}

const isSwitch = ({ name }: { name: string }) => name.startsWith('store-');

/** Replicas start one after the other. Stores share no sessions, so no users arrive while the store is being switched. */
function waitsFor(name: string, all: { name: string }): boolean {
  return name === 'restart' || name === 'start' || (name.startsWith('users-') && isSwitch(all));
}

/** @throws {Error} if it takes longer; it may still complete then */
async function withLimit(work: Promise<unknown>, limitSeconds: number): Promise<void> {
  const done = work.then(() => true);
  if (!(await withTimeout(done, limitSeconds * 1000)))
    throw new Error(`it did not end within ${limitSeconds} s; it may still complete`);
}

/** The message, with the last log line of the part that failed. */
function describeError({ message, logLines = [] }: FleetError): string {
  const last = logLines.at(-1);
  return last ? `${message} (${last.slice(0, 200)})` : message;
}
