import type { FaultStatus, RoomUsers, UsersStatus } from '../../deploy/control-room/users.ts';
import type { Crowd } from './crowd.ts';
import type { FaultRecord } from './history.ts';
import { createRunningTotals } from './running-totals.ts';

/** The users of the demo's control room: those of its plan until the verdict, then the room's own. */
export interface DemoUsers extends RoomUsers {
  /** Called by runPlan. */
  watch(crowd: Crowd, faults: readonly FaultRecord[]): void;
  /** The plan is over. */
  finishPlan(): void;
}

const reserved = 'the demo is running its plan: locked so that the verdict stays valid';

export function createDemoUsers(count: number, own: RoomUsers): DemoUsers {
  let isOver = false;
  let readPlan = (): UsersStatus => ({ state: 'arriving', users: count, totals: null, seconds: [], faults: [] });
  let endPlan = () => {};
  return {
    start: (site) => own.start(site),
    stop: () => own.stop(),
    status() {
      if (!isOver) return { ...readPlan(), reserved };
      const status = own.status();
      // Until the room's own users arrive, the numbers of the plan's users stay readable.
      const plan = readPlan();
      return status.totals ? { ...status, faults: plan.faults } : { ...plan, state: status.state, users: status.users };
    },
    watch({ witness, users, now }, faults) {
      let counted = 0; // the operations stay for the verdict
      const totals = createRunningTotals({
        ...{ witness, users, count, store: null, faults, now },
        take(operations) {
          const ended = operations.slice(counted);
          counted = operations.length;
          return ended;
        },
      });
      const statuses = createFaultStatuses(Date.now() - now());
      readPlan = () => ({ state: 'busy', users: count, ...totals.read(), faults: statuses(faults) });
      endPlan = () => {
        totals.close();
        const last = readPlan();
        readPlan = () => last; // releases the crowd and its operations
      };
    },
    finishPlan() {
      if (!isOver) endPlan();
      isOver = true;
    },
  };
}

/** Returns the same object for the same fault each time, by which the control room recognises it. */
function createFaultStatuses(offset: number) {
  const statuses = new Map<FaultRecord, FaultStatus>();
  return (faults: readonly FaultRecord[]): FaultStatus[] =>
    faults.map((record) => {
      const { fault: name, target, targets, start, end, evidence, problem } = record;
      const status = statuses.get(record) ?? ({ name, target, start: start + offset } as FaultStatus);
      statuses.set(record, status);
      const ended = end === null ? null : end + offset;
      return Object.assign(status, { targets, evidence, end: ended, ...(problem && { problem }) });
    });
}
