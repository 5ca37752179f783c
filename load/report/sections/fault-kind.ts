import type { FaultRecord } from '../../history.ts';

export const faultKinds = { replica: 'a replica', redis: 'Redis', nginx: 'nginx', other: 'something else' };

export type FaultKind = keyof typeof faultKinds;

/** What a fault was done to. */
export function faultKindOf({ fault, targets }: Pick<FaultRecord, 'fault' | 'targets'>): FaultKind {
  const words = [fault, ...targets].join(' ');
  if (/redis|cut|failover|primary|sentinel/i.test(words)) return 'redis';
  if (/nginx|proxy/i.test(words)) return 'nginx';
  return /replica|version|roll|scale|deploy|clock|secret/i.test(words) ? 'replica' : 'other';
}
