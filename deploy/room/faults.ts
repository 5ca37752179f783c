import type { Journal, Mark } from './journal.ts';
import type { FaultSeen } from './visitors.ts';
import { list, seconds } from './words.ts';

/** Writes down what somebody else breaks, as it is seen to begin, to land and to be healed. */
export function createFaultWatch(journal: Journal) {
  const written = new Map<FaultSeen, { rewrite: ReturnType<Journal['write']>; state: string }>();
  return function see(faults: FaultSeen[]): void {
    for (const fault of faults) {
      const state = `${fault.landed}${fault.end}${fault.problem}`;
      const known = written.get(fault);
      if (known?.state === state) continue;
      if (!known) journal.mark(kindOf(fault), fault.name, fault.start);
      const rewrite = known?.rewrite ?? journal.write('plain', fault.name, fault.start);
      rewrite(fault.problem ? 'bad' : 'plain', wordsOf(fault));
      written.set(fault, { rewrite, state });
    }
    for (const fault of written.keys()) if (!faults.includes(fault)) written.delete(fault);
  };
}

function wordsOf({ name, targets, start, end, landed, problem }: FaultSeen): string {
  if (problem) return `${name}: ${problem}`;
  if (landed === '') return `${name}${targets.length > 0 ? ` of ${list(targets)}` : ''} …`;
  return end === null ? `${name}: ${landed}` : `${name}: ${landed}; whole again after ${seconds(end - start)}`;
}

function kindOf({ name, targets }: FaultSeen): Mark['kind'] {
  const words = [name, ...targets].join(' ');
  if (/redis|cut/i.test(words)) return 'redis';
  if (/nginx/i.test(words)) return 'nginx';
  return /replica|version|roll|scale|deploy|clock|secret/i.test(words) ? 'replica' : 'other';
}
