import { pause } from '../../deploy/fleet/wait.ts';
import { logInUsers } from '../users/users.ts';
import type { Bench, BenchReplica, Comparison, Result } from './bench.ts';
import { measurePair } from './paired-runs.ts';
import { type Work, works } from './send.ts';
import { costOf, formatSpread, type Ratios, ratiosOf, type Sample, type Spread, spreadOf } from './spread.ts';

/** Fraction of the throughput. */
const maxCost = 0.03;
const names = ['metrics off', 'metrics on'];

/** The result for one kind of work. */
interface Finding {
  work: string;
  subjects: { name: string; perSecond: Spread; cpuMicros: Spread | null }[];
  ratios: Ratios;
  /** What metrics cost of the throughput, and the limit; fractions. */
  cost: number;
  maxCost: number;
}

export const metrics: Comparison = {
  about: 'the cost of metrics: a replica with them, scraped every second, against one without',
  run: measure,
};

/** Measures both in each round, in new processes: one process is faster than the next, whatever it runs. */
async function measure({ rounds, progress, ending, withServers, ...bench }: Bench): Promise<Result> {
  const samples = new Map<Work, (readonly [Sample, Sample])[]>(works.map((work) => [work, []]));
  for (let round = 0; round < rounds; round++) {
    // The one that is started and measured first alternates.
    const order = round % 2 === 0 ? ['off', 'on'] : ['on', 'off'];
    await withServers(async ({ startReplica }) => {
      const replicas: BenchReplica[] = [];
      for (const METRICS of order) replicas.push(await startReplica(METRICS, { METRICS }));
      const cookies = await logInUsers((replicas[0] as BenchReplica).url, bench.connections);
      const stop = scrapeEachSecond((replicas.find(({ name }) => name === 'on') as BenchReplica).adminUrl);
      const [first, second] = replicas.map(({ url, pid }) => ({ url, pids: [pid] }));
      for (const work of works) {
        progress.report(`  round ${round + 1} of ${rounds}: ${work.name}`);
        const options = { work, cookies, seconds: bench.seconds, ending };
        const [one, two] = await measurePair([first, second] as never, options);
        samples.get(work)?.push(round % 2 === 0 ? [one, two] : [two, one]);
      }
      stop();
    });
  }
  const findings = works.map((work) => findingOf(work.name, samples.get(work) ?? []));
  return {
    tables: [
      { columns: ['work', 'subject', 'requests per second', 'CPU µs per request', ''], rows: findings.flatMap(rowsOf) },
    ],
    notes: [],
    data: findings,
    isMet: findings.every(({ cost }) => cost < maxCost),
  };
}

export function findingOf(work: string, rounds: (readonly [Sample, Sample])[]): Finding {
  const subjects = names.map((name, index) => {
    const samples = rounds.map((round) => round[index] as Sample);
    const cpu = samples.flatMap(({ cpuMicros }) => cpuMicros ?? []);
    const perSecond = spreadOf(samples.map(({ perSecond }) => perSecond));
    return { name, perSecond, cpuMicros: cpu.length > 0 ? spreadOf(cpu) : null };
  });
  const ratios = ratiosOf(rounds);
  return { work, subjects, ratios, cost: costOf(ratios), maxCost };
}

export function rowsOf({ work, subjects, ratios, cost }: Finding): string[][] {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;
  const verdict = `costs ${percent(cost)} of the throughput${cost < maxCost ? '' : `: MORE than ${percent(maxCost)}`}`;
  return [
    ...subjects.map(({ name, perSecond, cpuMicros }) => [
      work,
      name,
      formatSpread(perSecond),
      formatSpread(cpuMicros),
      '',
    ]),
    [work, 'second / first', formatSpread(ratios.throughput, 3), formatSpread(ratios.cpu, 3), verdict],
  ];
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
