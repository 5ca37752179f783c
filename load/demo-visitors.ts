import type { FaultSeen, Sight, Visitors } from '../deploy/room/visitors.ts';
import type { Crowd } from './crowd.ts';
import type { FaultRecord } from './history.ts';
import { createTally, type Tally } from './tally.ts';

/** The visitors of the demo's room: those of its plan until the verdict, then the room's own. */
export interface DemoVisitors extends Visitors {
  /** As runPlan tells it. */
  watch(crowd: Crowd, faults: readonly FaultRecord[]): void;
  /** The plan is over. */
  giveOver(): void;
}

const reserved = 'the demo is running its plan: its verdict must be on that alone';
const everyMs = 500;

export function createDemoVisitors(count: number, own: Visitors): DemoVisitors {
  let isOver = false;
  let look = (): Sight => ({ state: 'arriving', users: count, totals: null, seconds: [], faults: [] });
  let end = () => {};
  return {
    start: (site) => own.start(site),
    stop: () => own.stop(),
    look() {
      if (!isOver) return { ...look(), reserved };
      const sight = own.look();
      // Until the room's own users come, what those of the plan have seen is there to be read.
      return sight.totals ? { ...sight, faults: look().faults } : { ...look(), state: sight.state, users: sight.users };
    },
    watch(crowd, faults) {
      const tally = createTally();
      const offset = Date.now() - crowd.now();
      const seen = createFaults(offset);
      const take = createTaker(crowd, tally, offset);
      const timer = setInterval(take, everyMs).unref();
      const since = Date.now();
      look = () => {
        if (!isOver) take();
        const { sessions: lost, writes, writesLost } = crowd.users.losses();
        const { requests, failed } = tally;
        const totals = {
          since,
          store: null,
          users: count,
          requests,
          failed,
          whole: crowd.users.whole(),
          lost,
          writes,
          writesLost,
        };
        return { state: 'busy', users: count, totals, seconds: tally.seconds(), faults: seen(faults) };
      };
      end = () => {
        take();
        clearInterval(timer);
        const last = look();
        look = () => last;
        end = () => {}; // the crowd and its operations are let go
      };
    },
    giveOver() {
      if (!isOver) end();
      isOver = true;
    },
  };
}

/** The plan's operations are kept for its verdict: each is counted once. */
function createTaker({ witness }: Crowd, tally: Tally, offset: number): () => void {
  let taken = 0;
  return () => {
    const fresh = witness.operations.slice(taken);
    taken += fresh.length;
    tally.add(fresh, offset);
  };
}

/** The same object for the same fault each time: so it is known again. */
function createFaults(offset: number) {
  const known = new Map<FaultRecord, FaultSeen>();
  return (faults: readonly FaultRecord[]): FaultSeen[] =>
    faults.map((record) => {
      const { fault, targets, start, end, landed, problem } = record;
      const seen: FaultSeen = known.get(record) ?? { name: fault, targets, start: start + offset, end: null, landed };
      known.set(record, seen);
      return Object.assign(seen, {
        targets,
        landed,
        end: end === null ? null : end + offset,
        ...(problem && { problem }),
      });
    });
}
