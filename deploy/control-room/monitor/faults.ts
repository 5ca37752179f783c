import { formatDuration, joinWords } from '../../../web/format.ts';
import type { Mark } from '../protocol.ts';
import type { FaultStatus } from '../users.ts';
import type { EventLog } from './event-log.ts';

/** Logs the faults of a plan as they start, land and are healed. */
export function createFaultLog(eventLog: EventLog) {
  const logged = new Map<FaultStatus, { rewrite: ReturnType<EventLog['write']>; state: string }>();
  return function logFaults(faults: FaultStatus[]): void {
    for (const fault of faults) {
      const state = `${fault.evidence}${fault.end}${fault.problem}`;
      const known = logged.get(fault);
      if (known?.state === state) continue;
      if (!known) eventLog.mark(markOf[fault.target], fault.name, fault.start);
      const rewrite = known?.rewrite ?? eventLog.write('plain', fault.name, fault.start);
      rewrite(fault.problem ? 'bad' : 'plain', describe(fault));
      logged.set(fault, { rewrite, state });
    }
    for (const fault of logged.keys()) if (!faults.includes(fault)) logged.delete(fault);
  };
}

const markOf: Record<FaultStatus['target'], Mark['kind']> = {
  replica: 'replica',
  fleet: 'replica',
  redis: 'redis',
  network: 'redis',
  nginx: 'nginx',
};

function describe({ name, targets, start, end, evidence, problem }: FaultStatus): string {
  if (problem) return `${name}: ${problem}`;
  if (evidence === '') return `${name}${targets.length > 0 ? ` of ${joinWords(targets)}` : ''} …`;
  return end === null ? `${name}: ${evidence}` : `${name}: ${evidence}; healed after ${formatDuration(end - start)}`;
}
