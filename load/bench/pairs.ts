import { pause } from '../../deploy/fleet/wait.ts';
import { logInUsers } from '../users/users.ts';
import type { Bench, BenchReplica, BenchServers, Comparison, Result } from './bench.ts';
import { measurePair } from './paired-runs.ts';
import { type Work, works } from './send.ts';
import { costOf, formatSpread, type Ratios, ratiosOf, type Sample, type Spread, spreadOf } from './spread.ts';

/** Two replicas of this application that differ in one thing. */
interface Pair {
  about: string;
  /** The second is compared with the first. */
  names: [string, string];
  /** What it may cost of the throughput of each kind of work, as a fraction; without a limit it is measured only. */
  maxCost: Partial<Record<string, number>>;
  /** The settings of each. */
  settings(servers: BenchServers): Promise<[Settings, Settings]>;
  /** Begins what is done to the second one meanwhile. @returns what ends it */
  meanwhile?(second: BenchReplica): () => void;
}

type Settings = Record<string, string>;

export const metrics = comparisonOf({
  about: 'the cost of metrics: a replica with them, scraped every second, against one without',
  names: ['metrics off', 'metrics on'],
  maxCost: { reads: 0.03, writes: 0.03 },
  settings: async () => [{ METRICS: 'off' }, { METRICS: 'on' }],
  meanwhile: ({ adminUrl }) => scrapeEachSecond(adminUrl),
});

/** Reads ask the primary alone, as one Redis. A change waits for a replica and asks the sentinels. */
export const replication = comparisonOf({
  about: 'the cost of a Redis that fails over: with two replicas and three sentinels, against one Redis',
  names: ['one Redis', 'sentinels'],
  maxCost: { reads: 0.03 },
  settings: async ({ startSentinels }) => [{}, await startSentinels()],
});

/** The result for one kind of work. */
export interface Finding {
  work: string;
  subjects: { name: string; perSecond: Spread; cpuMicros: Spread | null }[];
  ratios: Ratios;
  /** What the second costs of the throughput of the first, and the limit, if there is one; fractions. */
  cost: number;
  maxCost: number | null;
}

function comparisonOf(pair: Pair): Comparison {
  return { about: pair.about, run: (bench) => measure(pair, bench) };
}

/** Measures both in each round, in new processes: one process is faster than the next, whatever it runs. */
async function measure(pair: Pair, { rounds, progress, ending, withServers, ...bench }: Bench): Promise<Result> {
  const samples = new Map<Work, (readonly [Sample, Sample])[]>(works.map((work) => [work, []]));
  for (let round = 0; round < rounds; round++) {
    await withServers(async (servers) => {
      const settings = await pair.settings(servers);
      const replicas: BenchReplica[] = [];
      // The one that is started and measured first alternates.
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const index of order)
        replicas.push(await servers.startReplica(`replica-${index}`, settings[index] as Settings));
      const subjects = [];
      for (const { url, pid } of replicas)
        subjects.push({ url, pids: [pid], cookies: await logInUsers(url, bench.connections) });
      const [first, second] = subjects as [(typeof subjects)[0], (typeof subjects)[0]];
      const stop = pair.meanwhile?.(replicas[order.indexOf(1)] as BenchReplica);
      for (const work of works) {
        progress.report(`  round ${round + 1} of ${rounds}: ${work.name}`);
        const [one, two] = await measurePair([first, second], { work, seconds: bench.seconds, ending });
        samples.get(work)?.push(round % 2 === 0 ? [one, two] : [two, one]);
      }
      stop?.();
    });
  }
  const findings = works.map(({ name }, index) => findingOf(name, samples.get(works[index] as Work) ?? [], pair));
  return {
    tables: [
      { columns: ['work', 'subject', 'requests per second', 'CPU µs per request', ''], rows: findings.flatMap(rowsOf) },
    ],
    notes: [],
    data: findings,
    isMet: findings.every(({ cost, maxCost }) => maxCost === null || cost < maxCost),
  };
}

export function findingOf(
  work: string,
  rounds: (readonly [Sample, Sample])[],
  { names, maxCost }: Pick<Pair, 'names' | 'maxCost'>,
): Finding {
  const subjects = names.map((name, index) => {
    const samples = rounds.map((round) => round[index] as Sample);
    const cpu = samples.flatMap(({ cpuMicros }) => cpuMicros ?? []);
    const perSecond = spreadOf(samples.map(({ perSecond }) => perSecond));
    return { name, perSecond, cpuMicros: cpu.length > 0 ? spreadOf(cpu) : null };
  });
  const ratios = ratiosOf(rounds);
  return { work, subjects, ratios, cost: costOf(ratios), maxCost: maxCost[work] ?? null };
}

export function rowsOf({ work, subjects, ratios, cost, maxCost }: Finding): string[][] {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;
  const isOver = maxCost !== null && cost >= maxCost;
  const verdict = `costs ${percent(cost)} of the throughput${isOver ? `: MORE than ${percent(maxCost)}` : ''}`;
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
