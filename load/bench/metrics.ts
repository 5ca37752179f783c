import { pause } from '../../deploy/fleet/wait.ts';
import { logInUsers } from '../users/users.ts';
import { type Bench, type BenchReplica, type Finding, findingOf } from './bench.ts';
import { measurePair, type Work } from './paired-runs.ts';
import type { Sample } from './spread.ts';

export const about = 'the cost of metrics: a replica with them, scraped every second, against one without';

/** Fraction of the throughput. */
const maxCost = 0.03;
const names = ['metrics off', 'metrics on'];

/** The cheapest request with a session, where metrics weigh most, and one that writes. */
const works: Work[] = [
  { name: 'reads', requests: [{ method: 'GET', path: '/profile' }] },
  {
    name: 'writes',
    requests: ['dark', 'light'].map((theme) => {
      return { method: 'PATCH', path: '/preferences', body: JSON.stringify({ theme }) };
    }),
  },
];

/** Measures both in each round, in new processes. @throws {FleetError} if a round is void */
export async function run({ rounds, progress, ending, withReplicas, ...bench }: Bench): Promise<Finding[]> {
  const samples = new Map<Work, (readonly [Sample, Sample])[]>(works.map((work) => [work, []]));
  for (let round = 0; round < rounds; round++) {
    // The one that is started and measured first alternates.
    const order = round % 2 === 0 ? ['off', 'on'] : ['on', 'off'];
    const settings = Object.fromEntries(order.map((METRICS) => [METRICS, { METRICS }]));
    await withReplicas(settings, async (replicas) => {
      const cookies = await logInUsers((replicas[0] as BenchReplica).url, bench.connections);
      const stop = scrapeEachSecond((replicas.find(({ name }) => name === 'on') as BenchReplica).adminUrl);
      for (const work of works) {
        progress.report(`  round ${round + 1} of ${rounds}: ${work.name}`);
        const options = { work, cookies, seconds: bench.seconds, ending };
        const [one, two] = await measurePair(replicas as [BenchReplica, BenchReplica], options);
        samples.get(work)?.push(round % 2 === 0 ? [one, two] : [two, one]);
      }
      stop();
    });
  }
  return works.map((work) => findingOf(work.name, names, samples.get(work) ?? [], maxCost));
}

/** As Prometheus does in the demo. */
function scrapeEachSecond(adminUrl: string): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  void (async () => {
    while (!signal.aborted) {
      const scraped = fetch(`${adminUrl}/metrics`, { signal }).then((response) => response.text());
      await scraped.catch(() => {}); // the replica is being stopped
      await pause(1000, signal);
    }
  })();
  return () => stopped.abort();
}
