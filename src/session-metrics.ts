import { Counter, type Registry } from 'prom-client';
import { createCounts, createTimings } from './series.ts';
import type { SessionEvent } from './sessions/index.ts';

const ends = ['created', 'renewed', 'logged_out', 'revoked', 'expired'] as const;

/** Sessions and the store that they live in. What is counted as what, SessionEvent says (sessions/events.ts). */
export function createSessionMetrics(registry: Registry) {
  const registers = [registry];
  const operations = createCounts(registry, {
    name: 'session_store_operations_total',
    help: 'Calls to the store of sessions, by command and outcome (refused: not sent, for want of a connection)',
    labelNames: ['command', 'outcome'],
  });
  const durations = createTimings(registry, {
    name: 'session_store_operation_duration_seconds',
    help: 'Time until the store answered, or was given up; calls that were refused are left out',
    labelNames: ['command'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25],
  });
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
  // A rate can be told only from a series that is there before the first event.
  for (const event of ends) sessions.inc({ event }, 0);
  for (const outcome of ['merged', 'retried', 'refused']) conflicts.inc({ outcome }, 0);

  function observeStore(command: string, outcome: string, ms: number): void {
    operations.add(`${command} ${outcome}`, () => ({ command, outcome }));
    if (outcome !== 'refused') durations.add(command, () => ({ command }), ms / 1000);
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
