import { type Sent, type SendOptions, type Subject, send, warmUp } from './send.ts';
import type { Sample } from './spread.ts';

type Pair<T> = readonly [T, T];

/**
 * Measures two subjects: in the order first, second, second, first, each alone, for the throughput; then both at once, for
 * the CPU time per request, so that both meet the same machine at the same moment.
 * @throws {FleetError} if a response is no success, or is lost
 */
export async function measurePair([first, second]: Pair<Subject>, options: SendOptions): Promise<Pair<Sample>> {
  const both = [first, second];
  await Promise.all(both.map((subject) => warmUp(subject, options)));
  const alone: Sent[] = [];
  for (const subject of [first, second, second, first]) alone.push(await send(subject, options));
  const [a, b, c, d] = alone as [Sent, Sent, Sent, Sent];
  const longer = { ...options, seconds: 2 * options.seconds };
  const [one, other] = (await Promise.all(both.map((subject) => send(subject, longer)))) as [Sent, Sent];
  return [toSample(a, d, one), toSample(b, c, other)];
}

function toSample(one: Sent, two: Sent, { answered, cpuSeconds }: Sent): Sample {
  const perSecond = (one.answered + two.answered) / (one.seconds + two.seconds);
  return { perSecond, cpuMicros: cpuSeconds === null ? null : (1e6 * cpuSeconds) / answered };
}
