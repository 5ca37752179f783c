import { Counter, type Registry } from 'prom-client';
import { registerCounter, registerHistogram, Timing } from './histogram.ts';
import type { SessionEvent, StoreOutcome } from '../sessions/index.ts';

/** Up to and beyond the default deadline of a call, half a second. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 0.5, 1];

/** The calls of one command: outcomes and durations. */
interface Calls {
  ended: Partial<Record<StoreOutcome, number>>;
  timing: Timing;
}

const ends = ['created', 'renewed', 'logged_out', 'revoked', 'evicted', 'expired', 'unreadable'] as const;

/** The commands of the session layer, and of the stores of express-session. */
const commands = {
  durable: ['get', 'set', 'touch', 'renew', 'destroy', 'list', 'find', 'migrate', 'time'],
  others: ['get', 'set', 'touch', 'destroy'],
};

/** Of the commands, those that write nothing. */
const reads = new Set(['get', 'find', 'touch']);

/**
 * Metrics of sessions and their store. SessionEvent defines what is counted (sessions/events.ts).
 * @param hasReplicas whether changes wait for replicas of Redis
 */
export function createSessionMetrics(registry: Registry, store: string, hasReplicas: boolean) {
  const calls = new Map<string, Calls>();
  // A rate needs a series that exists before the first event, so failures are exported from 0.
  for (const command of store === 'durable' ? commands.durable : commands.others) first(command);
  registerCounter(
    registry,
    {
      name: 'session_store_operations_total',
      help: 'Calls to the session store, by command and outcome (refused: not sent, because there was no connection; unconfirmed: too few replicas of Redis have it)',
      labelNames: ['command', 'outcome'],
    },
    () => [...calls].flatMap(([command, { ended }]) => countsOf(command, ended)),
  );
  registerHistogram(
    registry,
    {
      name: 'session_store_operation_duration_seconds',
      help: 'Time until the store answered or the call timed out; without refused calls',
    },
    () => [...calls].flatMap(([command, { timing }]) => (timing.count > 0 ? { labels: { command }, timing } : [])),
  );
  const registers = [registry];
  const sessions = new Counter({
    name: 'session_events_total',
    help: 'Sessions created, renewed (new id at login) and ended: logged_out, revoked, evicted (its user had too many), expired (past its absolute lifetime)',
    labelNames: ['event'],
    registers,
  });
  const conflicts = new Counter({
    name: 'session_conflicts_total',
    help: 'Concurrent session changes, by resolution: merged, retried, or refused (409)',
    labelNames: ['outcome'],
    registers,
  });
  const resurrections = new Counter({
    name: 'session_resurrections_prevented_total',
    help: 'Writes refused because their session had ended: they would have recreated it',
    registers,
  });
  const replays = new Counter({
    name: 'session_idempotent_replays_total',
    help: 'Repeated requests (Idempotency-Key) that got the stored response',
    registers,
  });
  const failures = new Counter({
    name: 'session_commits_failed_total',
    help: 'Requests whose session change failed or has an unknown outcome, for any reason',
    registers,
  });
  for (const event of ends) sessions.inc({ event }, 0);
  for (const outcome of ['merged', 'retried', 'refused']) conflicts.inc({ outcome }, 0);

  function observeStore(command: string, outcome: StoreOutcome, ms: number): void {
    const { ended, timing } = calls.get(command) ?? first(command);
    ended[outcome] = (ended[outcome] ?? 0) + 1;
    if (outcome !== 'refused') timing.add(ms / 1000);
  }

  function first(command: string): Calls {
    const zeros = {
      ok: 0,
      error: 0,
      timeout: 0,
      refused: 0,
      ...(hasReplicas && !reads.has(command) && { unconfirmed: 0 }),
    };
    const none = { ended: zeros, timing: new Timing(bounds) };
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
