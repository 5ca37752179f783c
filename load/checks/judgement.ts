import type { FaultRecord, Operation } from '../users/history.ts';

/** A broken promise in one sentence, with the operations that show it. */
export interface Violation {
  summary: string;
  operations: Operation[];
}

/** What one check found. */
export interface CheckResult {
  /** `lost-session`, `lost-write`, … */
  name: string;
  /** What is true if nothing was found: `No session lost`. */
  holds: string;
  /** What is counted, as in "3 sessions lost". */
  title: string;
  /** What each count means. */
  about: string;
  count: number;
  /** How many things were examined; with 0, a count of 0 says nothing. */
  checked: number;
  /** The first ones, at most `maxViolations`. */
  violations: Violation[];
}

export const maxViolations = 100;

/** What one fault cost, counted from its start to a second after its end. */
export interface FaultStats extends FaultRecord {
  /** Operations in flight at some time during it. */
  requests: number;
  failed: number;
  /** Longest time without a success, whether or not a user waited. */
  stallMs: number;
  /** The slowest response. */
  slowestMs: number;
  /** From its end to the next success; null without one. */
  recoveryMs: number | null;
}

/** Response times of successes, in milliseconds. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export type Verdict = 'pass' | 'fail' | 'unknown';

export interface Judgement {
  /** `unknown` if nothing was at risk or nothing was observed: no evidence is never a pass. */
  verdict: Verdict;
  /** Why, one line each; empty on a pass. */
  reasons: string[];
  /** `failed` outside a fault's budget, `excused` within it; `reconnected` met a closing connection and were repeated. */
  requests: { total: number; ok: number; unknown: number; failed: number; excused: number; reconnected: number };
  /**
   * Sessions that were checked after their login, those of the sessions open at the end that were not checked after the last
   * fault, and acknowledged writes that were verified.
   */
  checked: { sessions: number; notCheckedAgain: number; writes: number };
  checks: CheckResult[];
  faults: FaultStats[];
  /** The longest time in which users waited and none got a success; what a fault's budget excuses is counted by itself. */
  longestStallMs: number;
  longestExcusedStallMs: number;
  latencyMs: Latency;
  /** Requests answered, by replica. */
  shares: Record<string, number>;
}
