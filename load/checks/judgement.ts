import type { FaultRecord, Operation } from '../history.ts';

/** Something that a user was told and that did not hold, in plain words, with the operations that show it. */
export interface Violation {
  words: string;
  operations: Operation[];
}

/** What one check found. */
export interface CheckResult {
  /** `lost-session`, `lost-write`, … */
  name: string;
  /** What is counted, as in "3 sessions lost". */
  title: string;
  /** What would be a false claim where this is above 0. */
  about: string;
  count: number;
  /** How many it looked at; 0 where there was nothing to look at, so that a count of 0 says nothing. */
  checked: number;
  /** The first of them, at most `mostViolations`. */
  violations: Violation[];
}

export const mostViolations = 100;

/** What one fault cost, counted from its start to a second after its end. */
export interface FaultFigures extends FaultRecord {
  /** Operations that were under way at some time of it. */
  requests: number;
  failed: number;
  /** Longest time without a success. */
  stallMs: number;
  /** The slowest answer. */
  slowestMs: number;
  /** From its end to the next success; null where there was none. */
  recoveryMs: number | null;
}

/** Milliseconds from request to answer of what succeeded. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export type Verdict = 'pass' | 'fail' | 'unknown';

export interface Judgement {
  /** `unknown` where nothing was at risk or nothing was seen: no evidence is never a pass. */
  verdict: Verdict;
  /** Why, a line each; empty on a pass. */
  reasons: string[];
  /** `failed` had no fault to excuse them, `excused` had; `reconnected` met a connection that was being closed, and were repeated. */
  requests: { total: number; ok: number; unknown: number; failed: number; excused: number; reconnected: number };
  /** Sessions that were logged in and looked at again afterwards, and acknowledged writes that were looked for. */
  checked: { sessions: number; writes: number };
  checks: CheckResult[];
  faults: FaultFigures[];
  longestStallMs: number;
  latencyMs: Latency;
  /** Requests answered, by replica. */
  shares: Record<string, number>;
}
