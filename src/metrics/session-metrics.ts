import { Counter, type Registry } from 'prom-client';
import { registerCounter, registerHistogram, Timing } from './series.ts';
import type { SessionEvent, StoreOutcome } from './sessions/index.ts';

/** Up to what a call may take, which is half a second if not set otherwise, and beyond. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 0.5, 1];

/** Of one command, how many calls ended how, and how long they took. */
interface Calls {
  ended: Record<StoreOutcome, number>;
  timing: Timing;
}

const ends = ['created', 'renewed', 'logged_out', 'revoked', 'expired'] as const;

/** What is called of a DurableStore, and of express-session's own ones. */
const commands = {
  durable: ['get', 'set', 'renew', 'destroy', 'list', 'find', 'migrate', 'time'],
  others: ['get', 'set', 'touch', 'destroy'],
};

/** Sessions and the store that they live in. What is counted as what, SessionEvent says (sessions/events.ts). */
export function createSessionMetrics(registry: Registry, store: string) {
  const calls = new Map<string, Calls>();
  // A rate can be told only from a series that is there before the first event: so failures are counted from 0 on.
  for (const command of store === 'durable' ? commands.durable : commands.others) first(command);
  registerCounter(
    registry,
    {
      name: 'session_store_operations_total',
      help: 'Calls to the store of sessions, by command and outcome (refused: not sent, for want of a connection)',
      labelNames: ['command', 'outcome'],
    },
    () => [...calls].flatMap(([command, { ended }]) => countsOf(command, ended)),
  );
  registerHistogram(
    registry,
    {
      name: 'session_store_operation_duration_seconds',
      help: 'Time until the store answered, or was given up; calls that were refused are left out',
    },
    () => [...calls].flatMap(([command, { timing }]) => (timing.count > 0 ? { labels: { command }, timing } : [])),
  );
  const registers = [registry];
  const sessions = new Counter({
    name: 'session_events_total',
    help: 'Sessions created, renewed (a new id at a login), and ended: logged_out, revoked, expired (found at its absolute end)',
    labelNames: ['event'],
    registers,
  });
  const conflicts = new Counter({
    name: 'session_conflicts_total',
    help: 'Changes that another request was faster than: merged, retried upon what stood, or refused (409)',
    labelNames: ['outcome'],
    registers,
  });
  const resurrections = new Counter({
    name: 'session_resurrections_prevented_total',
    help: 'Writes refused because their session had ended: they would have brought it back',
    registers,
  });
  const replays = new Counter({
    name: 'session_idempotent_replays_total',
    help: 'Repeats of a request (Idempotency-Key) that got what the first one had got',
    registers,
  });
  const failures = new Counter({
    name: 'session_commits_failed_total',
    help: 'Requests that were told that their change to a session was not made, or is not known to be, for whatever reason',
    registers,
  });
  for (const event of ends) sessions.inc({ event }, 0);
  for (const outcome of ['merged', 'retried', 'refused']) conflicts.inc({ outcome }, 0);

  function observeStore(command: string, outcome: StoreOutcome, ms: number): void {
    const { ended, timing } = calls.get(command) ?? first(command);
    ended[outcome] += 1;
    if (outcome !== 'refused') timing.add(ms / 1000);
  }

  function first(command: string): Calls {
    const none = { ended: { ok: 0, error: 0, timeout: 0, refused: 0 }, timing: new Timing(bounds) };
    calls.set(command, none);
    return none;
  }

  function observeSessions(event: SessionEvent): void {
    if (event.type === 'operation') observeStore(event.command, event.outcome, event.ms);
    else if (event.type === 'conflict') conflicts.inc({ outcome: event.outcome });
    else if (event.type === 'resurrection_prevented') resurrections.inc();
    else if (event.type === 'replayed') replays.inc();
    else if (event.type === 'commit_failed') failures.inc();
    else sessions.inc({ event: event.type });
  }
  return { observeSessions, observeStore };
}

function countsOf(command: string, ended: Calls['ended']) {
  return Object.entries(ended).map(([outcome, count]) => ({ labels: { command, outcome }, count }));
}
