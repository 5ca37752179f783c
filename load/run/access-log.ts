import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import type { Operation } from '../users/history.ts';

/** What nginx logged of a run. */
export interface AccessLog {
  /**
   * Adds to each operation what nginx logged of it, and what follows from that. Waits until nginx has logged every
   * request that it answered.
   * @returns how many lines belong to no operation, or to one that has a line already; null, and nothing is added, if
   * nginx wrote nothing within 10 s
   */
  compare(operations: Operation[]): Promise<number | null>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const patienceMs = 10_000;
/** Lines to read again after the log ended, as it does with a container: what was missed is among them. */
const linesAgain = 5000;

interface Line {
  requestId: string;
  status: number;
  time: string;
  seconds: number;
  /** Addresses, separated by commas, or colons after an internal redirect; empty if nginx asked no replica. */
  upstream: string;
}

/** Follows nginx's access log from now on, for lines whose request id starts with `run`. */
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
    const isRepeatedRead = known?.time === time && known.seconds === seconds && known.status === status;
    if (id > 0 && known && !isRepeatedRead) repeated += 1;
    lines.set(id, line);
  };
  const following = follow(fleet, ending.signal, note);
  let mark = 0;
  /** Sends a request whose line must come after all others, and waits for that line. */
  const isCaughtUp = async () => {
    const deadline = performance.now() + patienceMs;
    mark -= 1;
    while (!lines.has(mark) && performance.now() < deadline) {
      const headers = { 'x-request-id': `${run}-${mark}` };
      await fetch(`${http}/whoami`, { headers, signal: AbortSignal.timeout(2000) }).catch(() => {});
      await pause(100);
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
        operation.loggedStatus = line?.status ?? null;
        if (line) operation.upstreamTries = triesIn(line);
        // A 503 of the last replica says nothing of those before it: one of them may have made the change.
        if (operation.status === 503 && (operation.upstreamTries ?? 0) > 1) operation.outcome = 'unknown';
      }
      const unmatched = [...lines.keys()].filter((id) => id > 0 && !known.has(id));
      return unmatched.length + repeated;
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

/** Undefined for half a line, as a killed nginx leaves it: the missing request is found anyway. */
function readLine(text: string): Line | undefined {
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as Line;
  } catch {
    return undefined;
  }
}

async function follow(fleet: Fleet, ending: AbortSignal, note: (line: string) => void): Promise<void> {
  for (let lines = 0; !ending.aborted; lines = linesAgain) {
    await fleet.logs({ parts: ['nginx'], lines, follow: ending }, note).catch(() => {}); // `compare` finds out
    await pause(500, ending);
  }
}
