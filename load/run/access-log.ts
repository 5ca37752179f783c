import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import type { Operation } from './history.ts';

/** What nginx has logged of a run. */
export interface AccessLog {
  /**
   * Notes on each operation what nginx has logged of it, and what follows from that. Waits until nginx has written of all
   * that it has answered.
   * @returns how many lines there are that belong to none, or to one that has a line already; null where nginx did not
   * write within 10 s, and nothing is noted
   */
  compare(operations: Operation[]): Promise<number | null>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const patienceMs = 10_000;
/** Read again where the log had ended, as that of a container does with it: what came in between is among them. */
const linesAgain = 5000;

interface Line {
  requestId: string;
  status: number;
  time: string;
  seconds: number;
  /** Addresses, separated by commas, or colons where nginx started afresh; empty where it asked nobody. */
  upstream: string;
}

/** Follows nginx's access log from now on, for lines whose request id begins with `run`. */
export async function followAccessLog(fleet: Fleet, run: string): Promise<AccessLog> {
  const { http } = await fleet.describe();
  const lines = new Map<number, Line>();
  let repeated = 0;
  const ending = new AbortController();
  const note = (text: string) => {
    if (!text.includes(`"requestId":"${run}-`)) return;
    const line = readLine(text);
    if (!line) return;
    const { requestId, status, time, seconds } = line;
    const id = Number(requestId.slice(run.length + 1));
    const known = lines.get(id);
    const isSameLine = known?.time === time && known.seconds === seconds && known.status === status;
    if (id > 0 && known && !isSameLine) repeated += 1;
    lines.set(id, line);
  };
  const following = follow(fleet, ending.signal, note);
  let mark = 0;
  /** Sends a request whose line must come after all others, and waits for it. */
  const isCaughtUp = async () => {
    const giveUpAt = performance.now() + patienceMs;
    mark -= 1;
    while (!lines.has(mark) && performance.now() < giveUpAt) {
      const headers = { 'x-request-id': `${run}-${mark}` };
      await fetch(`${http}/whoami`, { headers, signal: AbortSignal.timeout(2000) }).catch(() => {});
      await sleep(100);
    }
    return lines.has(mark);
  };
  await isCaughtUp(); // from here on nothing is missed
  return {
    async compare(operations) {
      if (!(await isCaughtUp())) return null;
      const known = new Set<number>();
      for (const operation of operations) {
        known.add(operation.id);
        const line = lines.get(operation.id);
        operation.logged = line?.status ?? null;
        if (line) operation.tries = triesIn(line);
        // The last replica that was asked speaks for itself alone: one before it may have done it.
        if (operation.status === 503 && (operation.tries ?? 0) > 1) operation.outcome = 'unknown';
      }
      const strange = [...lines.keys()].filter((id) => id > 0 && !known.has(id));
      return strange.length + repeated;
    },
    async close() {
      ending.abort();
      await following;
    },
  };
}

function triesIn({ upstream }: Line): number {
  return upstream === '' ? 0 : upstream.split(/, | : /).length;
}

/** Undefined for half a line, as a killed nginx leaves: that its request is missing is found anyway. */
function readLine(text: string): Line | undefined {
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as Line;
  } catch {
    return undefined;
  }
}

async function follow(fleet: Fleet, ending: AbortSignal, note: (line: string) => void): Promise<void> {
  for (let lines = 0; !ending.aborted; lines = linesAgain) {
    await fleet.logs({ parts: ['nginx'], lines, follow: ending }, note).catch(() => {}); // compare tells
    if (!ending.aborted) await sleep(500, undefined, { signal: ending }).catch(() => {});
  }
}
