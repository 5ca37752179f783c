import { formatDuration, joinWords, plural } from '../../web/format.ts';
import type { Report } from './json.ts';

/** Above this, an answer of Redis that waited for nothing but a processor is late. */
const latePingMs = 100;
/** So much of a run without a turn of the users' own process. */
const maxStalledPart = 0.02;

/** That the machine was too busy for a verdict about times, in a sentence; undefined if it was not, or is not known. */
export function overloadOf({ machine, eventLoopStalls, seconds }: Report): string | undefined {
  const stalledMs = eventLoopStalls.reduce((sum, { start, end }) => sum + end - start, 0);
  const { processors = 1, loadAverage = 0, redisPingMs = null } = machine ?? {};
  const signs = [
    loadAverage > 2 * processors &&
      `the load average reached ${loadAverage.toFixed(1)} on ${plural(processors, 'processor')}`,
    stalledMs > maxStalledPart * seconds * 1000 &&
      `the users’ own process stalled ${plural(eventLoopStalls.length, 'time')}, ${formatDuration(stalledMs)} in total`,
    redisPingMs !== null &&
      redisPingMs > latePingMs &&
      `Redis took up to ${formatDuration(redisPingMs)} to answer a ping`,
  ].filter((sign) => sign !== false);
  if (signs.length === 0) return undefined;
  return `The machine was overloaded: ${joinWords(signs)}. Repeat the run on a quiet machine to see whether it fails there too.`;
}
