import type { Fleet } from '../../deploy/fleet/fleet.ts';

/** Something that goes wrong, and how it is made whole again. */
export interface Fault {
  about: string;
  /** Requests are allowed to fail while it lasts; for the others none is. */
  mayFail: boolean;
  /** Does it, proves that it landed, and says how to heal it. */
  apply(fleet: Fleet, random: () => number): Promise<AppliedFault>;
}

export interface AppliedFault {
  targets: string[];
  /** What was seen of it, in words. */
  landed: string;
  /** Resolves once what it broke is whole again. */
  heal(): Promise<void>;
}

/** A fault did not have its effect: a run with it proves nothing. */
export class FaultError extends Error {
  override name = 'FaultError';
}
