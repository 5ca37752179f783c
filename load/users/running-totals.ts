import type { Totals, UsersStatus } from '../../deploy/control-room/users.ts';
import type { FaultRecord, Operation } from './history.ts';
import { createPerSecondStats } from './per-second-stats.ts';
import type { Users } from './users.ts';
import type { Witness } from './witness.ts';

/** What users have observed so far, for the control room. */
export interface RunningTotals {
  read(): { totals: Totals; seconds: UsersStatus['seconds'] };
  /** Counts what ended until now, then stops. Safe to call twice. */
  close(): void;
}

export interface RunningTotalsOptions {
  witness: Witness;
  users: Users;
  count: number;
  /** Where sessions are stored; null if unknown. */
  store: string | null;
  /** Faults of a plan, updated in place. */
  faults?: readonly FaultRecord[];
  /** Milliseconds on the clock of the operations. */
  now(): number;
  /** Returns the operations that ended since the last call. */
  take(operations: Operation[]): Operation[];
}

const everyMs = 500;

export function createRunningTotals(options: RunningTotalsOptions): RunningTotals {
  const { witness, users, count, store, faults, now, take } = options;
  const since = Date.now();
  const offset = since - now();
  const stats = createPerSecondStats(faults);
  const update = () => stats.add(take(witness.operations), offset);
  const timer = setInterval(update, everyMs).unref();
  return {
    read() {
      update();
      const { requests, failed, excused } = stats;
      const { sessions: lost, writes, writesLost } = users.losses();
      const intact = users.intactCount();
      const totals = { since, store, users: count, requests, failed, excused, intact, lost, writes, writesLost };
      return { totals, seconds: stats.seconds() };
    },
    close() {
      update();
      clearInterval(timer);
    },
  };
}
