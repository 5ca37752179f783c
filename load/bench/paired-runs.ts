import { type Sent, type SendOptions, type Subject, send, warmUp } from './send.ts';
import type { Sample } from './spread.ts';

type Pair<T> = readonly [T, T];
/** With cookies of its users. */
type UsedSubject = Subject & Pick<SendOptions, 'cookies'>;
type Common = Omit<SendOptions, 'cookies'>;

/**
 * Measures two subjects: in the order first, second, second, first, each alone, for the throughput; then both at once, for
 * the CPU time per request, so that both meet the same machine at the same moment.
 * @throws {FleetError} if a response is no success, or is lost
 */
export async function measurePair([first, second]: Pair<UsedSubject>, common: Common): Promise<Pair<Sample>> {
  const optionsOf = ({ cookies }: UsedSubject, seconds = common.seconds) => ({ ...common, cookies, seconds });
  const both = [first, second];
  await Promise.all(both.map((subject) => warmUp(subject, optionsOf(subject))));
  const alone: Sent[] = [];
  for (const subject of [first, second, second, first]) alone.push(await send(subject, optionsOf(subject)));
  const [a, b, c, d] = alone as [Sent, Sent, Sent, Sent];
  const [one, other] = (await Promise.all(
    both.map((subject) => send(subject, optionsOf(subject, 2 * common.seconds))),
  )) as [Sent, Sent];
  return [toSample(a, d, one), toSample(b, c, other)];
}

function toSample(one: Sent, two: Sent, { answered, cpuSeconds }: Sent): Sample {
  const perSecond = (one.answered + two.answered) / (one.seconds + two.seconds);
  return { perSecond, cpuMicros: cpuSeconds === null ? null : (1e6 * cpuSeconds) / answered };
}
