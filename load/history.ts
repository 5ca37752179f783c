import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * How an operation ended. `ok`: it has happened. `fail`: it has not. `unknown`: it may have, because it was sent and no
 * answer came that says.
 */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** One request of one user. Times are milliseconds since the run began, on one monotonic clock. */
export interface Operation {
  user: string;
  kind: 'login' | 'add' | 'cart' | 'profile';
  /** The sku of an add; no other add of the run has it. */
  sku?: string;
  start: number;
  end: number;
  outcome: Outcome;
  /** HTTP status; null where no answer came. */
  status: number | null;
  /** X-Served-By; null where no answer came. */
  replica: string | null;
  /** Whom the answer was for (profile): a user id, or null for nobody. */
  sawUser?: string | null;
  /** What the answer showed (cart). */
  sawSkus?: string[];
  /** Why no answer came. */
  error?: string;
}

/** A fault, and the proof that it landed. Times as in Operation. */
export interface FaultRecord {
  fault: string;
  /** The replicas or parts it was done to. */
  targets: string[];
  start: number;
  /** When what it broke was whole again; null where it never was. */
  end: number | null;
  /** What was seen of it. */
  landed: string;
  /** Requests are allowed to fail while it lasts. */
  mayFail: boolean;
}

/** What background load saw of its own requests. It is not part of the proof. */
export interface BackgroundLoad {
  answered: number;
  failed: number;
}

export interface History {
  plan: string;
  driver: string;
  store: string;
  users: number;
  seed: number;
  operations: Operation[];
  faults: FaultRecord[];
  background: BackgroundLoad;
  /** Every replica that there was. */
  replicas: string[];
}

/** Writes a history as JSON lines: a header, then one line a fault, then one line an operation. */
export function saveHistory(file: string, { operations, faults, ...header }: History): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const lines = [header, ...faults, ...operations].map((line) => JSON.stringify(line));
  writeFileSync(file, `${lines.join('\n')}\n`);
}
