import type { FaultRecord, Kind, Operation } from './history.ts';

/** Not a failure: 401 from a session that has ended, and a kept-alive connection that the server closed between two requests. */
export function isFailure({ outcome, status, error }: Pick<Operation, 'outcome' | 'status' | 'error'>): boolean {
  return outcome !== 'ok' && status !== 401 && error !== 'closed';
}

/**
 * The value below which `part` (0 to 1) of the sorted values lie (nearest rank).
 * @returns null for no values
 */
export function percentile(sorted: ArrayLike<number>, part: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null;
}

/** After a fault, serving must resume within this time, and requests in flight be answered. */
export const recoveryMs = 1000;

/** nginx tries a replica that it has set aside about every two seconds: within this time after a fault it serves again. */
export const setAsideMs = 2500;

/** An operation belongs to a fault if it ended during it, or so soon afterwards that recovery may not be complete. */
export function isDuring(fault: Pick<FaultRecord, 'start' | 'end'>, { start, end }: { start: number; end: number }) {
  const over = (fault.end ?? Infinity) + recoveryMs;
  return end >= fault.start && start <= over && (end <= over || start <= (fault.end ?? Infinity));
}

const writing: Kind[] = ['login', 'add', 'remove', 'prefer', 'logout', 'logout-everywhere'];

/**
 * Whether a failure is within a fault's budget. While nginx is broken, any request may fail. While Redis or the network to
 * it is broken, only a 503 is excused, and with a cut network only from the replica that is cut off.
 */
export function isExcused(failure: Operation, fault: FaultRecord): boolean {
  const { kind, status, replica } = failure;
  const { targets, impactBudget } = fault;
  const { failures } = impactBudget;
  const mayFail = failures === 'all' || (failures === 'writes' && writing.includes(kind));
  if (!mayFail || !isDuring(fault, failure)) return false;
  if (targets.includes('nginx')) return status === null || [502, 503, 504].includes(status);
  return status === 503 && replica !== null && (targets.includes('redis') || targets.includes(replica));
}
