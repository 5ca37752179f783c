import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { logIn } from '../log-in.ts';
import { type Bench, type Finding, findingOf } from './bench.ts';
import type { Sample } from './figures.ts';
import { type BenchReplica, withReplicas } from './servers.ts';
import { measureTurns, type Work } from './turns.ts';

export const about = 'what metrics cost: a replica with them, scraped each second, against one without';

/** Of the throughput. */
const mayCost = 0.03;
const names = ['metrics off', 'metrics on'];

/** The cheapest request with a session, on which metrics weigh most, and one that writes. */
const works: Work[] = [
  { name: 'reads', requests: [{ method: 'GET', path: '/profile' }] },
  {
    name: 'writes',
    requests: ['dark', 'light'].map((theme) => {
      return { method: 'PATCH', path: '/preferences', body: JSON.stringify({ theme }) };
    }),
  },
];

/** Measures both in each round, with processes of its own. @throws {FleetError} where a round is void */
export async function run({ rounds, live, ending, ...bench }: Bench): Promise<Finding[]> {
  const samples = new Map<Work, (readonly [Sample, Sample])[]>(works.map((work) => [work, []]));
  for (let round = 0; round < rounds; round++) {
    // Who is started first, and comes first, is the other one each time.
    const order = round % 2 === 0 ? ['off', 'on'] : ['on', 'off'];
    const settings = Object.fromEntries(order.map((METRICS) => [METRICS, { METRICS }]));
    await withReplicas(settings, bench.env, async (replicas) => {
      const cookies = await logIn((replicas[0] as BenchReplica).url, bench.connections);
      const stop = scrapeEachSecond((replicas.find(({ name }) => name === 'on') as BenchReplica).adminUrl);
      for (const work of works) {
        if (ending.aborted) throw new FleetError('ended before all rounds were measured');
        live.report(`  round ${round + 1} of ${rounds}: ${work.name}`);
        const turns = { work, cookies, seconds: bench.seconds };
        const [one, two] = await measureTurns(replicas as [BenchReplica, BenchReplica], turns);
        samples.get(work)?.push(round % 2 === 0 ? [one, two] : [two, one]);
      }
      stop();
    });
  }
  return works.map((work) => findingOf(work.name, names, samples.get(work) ?? [], mayCost));
}

/** As Prometheus does in the demo. */
function scrapeEachSecond(adminUrl: string): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  void (async () => {
    while (!signal.aborted) {
      const scraped = fetch(`${adminUrl}/metrics`, { signal }).then((answer) => answer.text());
      await scraped.catch(() => {}); // the replica is being stopped
      await sleep(1000, undefined, { signal }).catch(() => {});
    }
  })();
  return () => stopped.abort();
}
