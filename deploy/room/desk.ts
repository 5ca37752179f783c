import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetError } from '../fleet/fleet.ts';
import { type Action, lackOf, objectOf } from './action.ts';
import { fleetActions } from './fleet-actions.ts';
import type { Journal } from './journal.ts';
import { partActions } from './part-actions.ts';
import { replicaActions } from './replica-actions.ts';
import type { Situation, Stage } from './situation.ts';
import type { Button } from './view.ts';
import { seconds } from './words.ts';

const known: Record<string, Action> = { ...replicaActions, ...fleetActions, ...partActions };

/** Where buttons are pressed: one thing at a time is done to each part, whoever asks. */
export interface Desk {
  /** Begins it. @returns why not; undefined where it has begun */
  press(name: string, replica: number | undefined, situation: Situation): Refusal | undefined;
  button(name: string, situation: Situation, replica?: number): Button;
  /** What was done to a part last, of what takes it away or brings it back. */
  readonly lastDone: ReadonlyMap<Action['target'], string>;
}

export interface Refusal {
  /** As HTTP says it. */
  status: 404 | 409;
  words: string;
}

interface Running {
  name: string;
  words: string;
}

export interface DeskOptions extends Omit<Stage, 'report'> {
  journal: Journal;
  /** Something has begun or ended: what is shown is old. */
  changed(): void;
  actions?: Record<string, Action>;
}

export function createDesk({ fleet, visitors, journal, changed, actions = known }: DeskOptions): Desk {
  const running = new Map<string, Running>();
  const lastDone = new Map<Action['target'], string>();

  function whyNot(name: string, action: Action, situation: Situation, number?: number): string | undefined {
    const replica = situation.replicas.find((replica) => replica.number === number);
    const lack = lackOf(action, situation);
    if (lack) return lack;
    const all = running.get('replicas');
    const busy = running.get(keyOf(action, number)) ?? (all && waitsFor(name, all) ? all : undefined);
    if (busy) return `${busy.words} goes on`;
    if (!situation.description && name !== 'users-stop') return 'there is no fleet';
    const { reserved, state } = situation.sight;
    if (action.costs && reserved && state !== 'away') return reserved;
    if (action.target === 'replica' && !replica) return `there is no replica ${number}`;
    return action.why?.(situation, replica);
  }

  function begin(name: string, action: Action, situation: Situation, number = 0): void {
    const [doing, done, verb] = action.words;
    const object = objectOf(
      action,
      situation.replicas.find((replica) => replica.number === number),
    );
    const key = keyOf(action, number);
    const mine: Running = { name, words: `${doing} ${object}` };
    running.set(key, mine);
    if (action.mark) journal.mark(action.mark, action.short ?? `${verb} ${object}`);
    const rewrite = journal.write('plain', `${doing} ${object} …`);
    const start = performance.now();
    const report = (line: string) => void journal.write('plain', line);
    withLimit(() => action.run({ fleet, visitors, report }, number), action.limitSeconds)
      .then(() => {
        lastDone.set(action.target, name);
        rewrite('plain', `${done} ${object} (${seconds(performance.now() - start)})`);
      })
      .catch((err: FleetError) => rewrite('bad', `Could not ${verb} ${object}: ${inWords(err)}`))
      .finally(() => {
        if (running.get(key) === mine) running.delete(key);
        changed();
      });
    changed();
  }

  return {
    lastDone,
    press(name, number, situation) {
      const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
      if (!action) return { status: 404, words: `there is no action ${name}` };
      const why = whyNot(name, action, situation, number);
      if (why) return { status: 409, words: why };
      begin(name, action, situation, number);
      return undefined;
    },
    button(name, situation, replica) {
      const action = actions[name] as Action;
      const why = whyNot(name, action, situation, replica);
      const isBusy = running.get(keyOf(action, replica))?.name === name;
      return {
        action: name,
        label: action.label,
        ...(replica !== undefined && { replica }),
        ...(why && { why }),
        ...(isBusy && { isBusy }),
      };
    },
  };
}

function keyOf({ target }: Action, replica: number | undefined): string {
  return target === 'replica' ? `replica ${replica}` : target;
}

/** Replicas are started one after the other. And stores share no sessions: nobody may come while one takes another's place. */
function waitsFor(name: string, all: Running): boolean {
  return name === 'restart' || name === 'start' || (name.startsWith('users-') && all.name.startsWith('store-'));
}

/** @throws {Error} where it takes longer; it may still be done then */
async function withLimit(work: () => Promise<unknown>, limitSeconds: number): Promise<void> {
  const over = new AbortController();
  const late = sleep(limitSeconds * 1000, 'late', { signal: over.signal, ref: false }).catch(() => {});
  try {
    if ((await Promise.race([work(), late])) === 'late')
      throw new Error(`it has not ended within ${limitSeconds} s; it may still happen`);
  } finally {
    over.abort();
  }
}

/** The last thing that the part itself has said belongs to it. */
function inWords({ message, logLines = [] }: FleetError): string {
  const last = logLines.at(-1);
  return last ? `${message} (${last.slice(0, 200)})` : message;
}
