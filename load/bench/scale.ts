import { plural } from '../../web/format.ts';
import { renderMarkdownTable } from '../../web/markdown.ts';
import type { Bench, BenchReplica, BenchServers, Comparison, Plot, Result } from './bench.ts';
import { aboutCapacity, type Cost, type Costs, capacityTable } from './capacity.ts';
import {
  connectRedis,
  logIn,
  measureOne,
  type Redis,
  request,
  type Sample,
  sampleCells,
  sampleColumns,
} from './measure.ts';
import { type Subject, type Work, warmUp, works } from './send.ts';
import { formatSpread, type Spread, spreadOf } from './spread.ts';

/** What is varied, and the values that it takes. */
const axes = {
  replicas: [1, 2, 4, 8],
  sessions: [1e2, 1e4, 1e6],
  /** KiB of one session. */
  size: [0.2, 1, 4, 16],
  /** At the same session, over three replicas. */
  writers: [1, 4, 16, 64],
};
type Axis = keyof typeof axes;

const about: Record<Axis, (value: number) => string> = {
  replicas: (value) => `${plural(value, 'replica')}, ${requestsPerReplica}/s each`,
  sessions: (value) => plural(value, 'session'),
  size: (value) => `${value} KiB a session`,
  writers: (value) => `${plural(value, 'writer')} of one session`,
};

const titles: Record<Axis, string> = {
  replicas: 'by the number of replicas',
  sessions: 'by the number of sessions',
  size: 'by the size of a session',
  writers: 'by how many write one session at the same time',
};

const connectionsPerReplica = 8;
/** Per second, however many replicas there are: a busier replica costs less per request, because more share a system call. */
const requestsPerReplica = 200;
/** The others of a million sessions are copies. More than a replica's caches hold (10,000 ids). */
const mostUsers = 20_000;
/** From one end of an axis to the other the CPU time of a request may grow by this fraction. */
const maxGrowth = 0.1;

export const scale: Comparison = {
  about: 'what a request costs with more replicas, sessions, bytes and writers of one session',
  parts: Object.keys(axes),
  document: 'docs/operating.md',
  run: measure,
};

/** One value of one axis. */
interface Point {
  axis: Axis;
  value: number;
  subject: Subject;
  cookies: string[];
  connections: number;
  rate: number | undefined;
  works: Work[];
  samples: Record<string, Sample[]>;
}

async function measure(bench: Bench): Promise<Result> {
  return bench.withServers(async (servers) => {
    const redis = await connectRedis(servers.redisPort);
    try {
      const { points, bytesPerSession } = await start(servers, redis, bench);
      await measureRounds(points, redis, bench);
      return summarize(points, bytesPerSession);
    } finally {
      redis.destroy();
    }
  });
}

async function start(servers: BenchServers, redis: Redis, { progress, only }: Bench) {
  const chosen = (axis: Axis): number[] => (only.length === 0 || only.includes(axis) ? axes[axis] : []);
  const most = Math.max(3, ...chosen('replicas'));
  progress.report(`  starting ${most + chosen('sessions').length} replicas`);
  const settings = { SESSION_STORE: 'durable', SESSION_MAX_BYTES: '32768' };
  const all: BenchReplica[] = [];
  for (let number = 1; number <= most; number++) all.push(await servers.startReplica(`replica-${number}`, settings));
  const groups: Record<string, BenchReplica[]> = { three: all.slice(0, 3) };
  for (const count of chosen('replicas')) groups[`replicas${count}`] = all.slice(0, count);
  for (const [index, count] of chosen('sessions').entries())
    groups[`sessions${count}`] = [await servers.startReplica(`with-${count}`, settings, index + 1)];
  const urls = await servers.startNginx(groups);
  const at = (group: string) => urls[group] as string;
  const subjectOf = (group: string) => ({ url: at(group), pids: (groups[group] ?? []).map(({ pid }) => pid) });

  const users = await logIn(at('three'), most * connectionsPerReplica, 'replicas');
  const bytesPerSession = (await redis.bytes()) / users.length;
  const points: Point[] = [];
  const add = (axis: Axis, value: number, group: string, cookies: string[], connections: number) =>
    points.push({
      axis,
      value,
      subject: subjectOf(group),
      cookies,
      connections,
      rate: axis === 'replicas' ? value * requestsPerReplica : undefined,
      works: axis === 'writers' ? works.filter(({ name }) => name === 'writes') : works,
      samples: {},
    });
  for (const count of chosen('replicas')) {
    const connections = count * connectionsPerReplica;
    add('replicas', count, `replicas${count}`, users.slice(0, connections), connections);
  }
  for (const [index, count] of chosen('sessions').entries()) {
    progress.report(`  logging in ${Math.min(count, mostUsers)} users, for ${about.sessions(count)}`);
    const cookies = await logIn(at(`sessions${count}`), Math.min(count, mostUsers), 'sessions');
    await redis.fill(index + 1, count);
    add('sessions', count, `sessions${count}`, cookies, connectionsPerReplica);
  }
  for (const size of chosen('size')) {
    progress.report(`  filling sessions up to ${size} KiB`);
    const cookies = await logIn(at('three'), 2 * connectionsPerReplica, 'sizes');
    await Promise.all(cookies.map((cookie) => fillCart(at('three'), cookie, size * 1024)));
    add('size', size, 'three', cookies, cookies.length);
  }
  const [one] = await logIn(at('three'), 1, 'writers');
  for (const writers of chosen('writers')) add('writers', writers, 'three', [one as string], writers);
  return { points, bytesPerSession };
}

/** A session without a cart has about this many bytes. */
const emptyBytes = 170;

/** Adds items until a session has about this many bytes. */
async function fillCart(url: string, cookie: string, bytes: number): Promise<void> {
  const itemOf = (number: number) => ({ sku: `item-${String(number).padStart(8, '0')}`, quantity: 1 });
  const count = Math.round((bytes - emptyBytes) / (JSON.stringify(itemOf(0)).length + 1));
  for (let number = 0; number < count; number++)
    await (await request(url, 'POST', '/cart/items', cookie, itemOf(number))).arrayBuffer();
}

async function measureRounds(points: Point[], redis: Redis, { rounds, seconds, progress, ending }: Bench) {
  const options = ({ cookies, connections, rate }: Point, work: Work) => {
    return { work, cookies, connections, rate, seconds, ending };
  };
  for (const point of points) for (const work of point.works) await warmUp(point.subject, options(point, work));
  for (let round = 0; round < rounds; round++) {
    progress.report(`  round ${round + 1} of ${rounds}`);
    for (const point of points) {
      for (const work of point.works) {
        const sample = await measureOne(point.subject, redis, options(point, work));
        point.samples[work.name] = [...(point.samples[work.name] ?? []), sample];
      }
    }
  }
}

function summarize(points: Point[], bytesPerSession: number): Result {
  const rows = points.flatMap(({ axis, value, samples }) =>
    Object.entries(samples).map(([work, own]) => [about[axis](value), work, ...sampleCells(own)]),
  );
  const tables = [{ columns: ['with', 'work', ...sampleColumns], rows }];
  const costs = costsOf(points, bytesPerSession);
  if (costs) tables.push(capacityTable(costs));
  const goals = (['replicas', 'sessions'] as const).flatMap((axis) =>
    works.flatMap(({ name }) => flatness(points, axis, name) ?? []),
  );
  const notes = goals.map(
    ({ text, spread, isMet }) =>
      `${isMet ? 'met' : 'NOT met'}: ${text} ${formatSpread(spread, 2)}; goal: at most ${1 + maxGrowth}`,
  );
  return {
    tables,
    notes: costs ? [aboutCapacity, ...notes] : notes,
    data: {
      points: points.map(({ axis, value, samples }) => ({ axis, value, samples })),
      bytesPerSession,
      costs,
      goals,
    },
    plots: (Object.keys(axes) as Axis[]).flatMap((axis) => plotsOf(points.filter((point) => point.axis === axis))),
    markdown: [
      ...tables.map(({ columns, rows }) => renderMarkdownTable(columns, rows)),
      costs ? aboutCapacity : '',
    ].join('\n\n'),
    isMet: goals.every(({ isMet }) => isMet),
  };
}

/** The CPU time of a request at the last value of an axis, relative to the first, round by round. */
function flatness(points: Point[], axis: Axis, work: string) {
  const own = points.filter((point) => point.axis === axis);
  const [first, last] = [own[0], own.at(-1)].map((point) => point?.samples[work] ?? []) as [Sample[], Sample[]];
  const ratios = last.flatMap(({ cpuMicros }, round) => {
    const base = first[round]?.cpuMicros;
    return cpuMicros && base ? cpuMicros / base : [];
  });
  if (ratios.length === 0) return undefined;
  const spread = spreadOf(ratios);
  const text = `${work}: CPU of a request with ${about[axis](own.at(-1)?.value as number)}, relative to ${about[axis](own[0]?.value as number)}:`;
  return { text, axis, work, spread, isMet: spread.median <= 1 + maxGrowth };
}

/** Those with the most sessions; undefined if the system does not report CPU time. */
function costsOf(points: Point[], bytesPerSession: number): Costs | undefined {
  const samples = points.findLast(({ axis }) => axis === 'sessions')?.samples ?? {};
  const median = (work: string, figure: keyof Cost) =>
    spreadOf((samples[work] ?? []).map((sample) => sample[figure] ?? Number.NaN)).median;
  const costOf = (work: string): Cost => ({
    cpuMicros: median(work, 'cpuMicros'),
    redisMicros: median(work, 'redisMicros'),
    redisCommands: median(work, 'redisCommands'),
  });
  const costs = { read: costOf('reads'), write: costOf('writes'), bytesPerSession };
  return Number.isNaN(costs.read.cpuMicros) ? undefined : costs;
}

function plotsOf(points: Point[]): Plot[] {
  const spreadFor = (samples: Sample[] = []): Spread | null => {
    const values = samples.flatMap(({ cpuMicros }) => cpuMicros ?? []);
    return values.length > 0 ? spreadOf(values) : null;
  };
  return works.flatMap(({ name }) => {
    const own = points.filter(({ samples }) => samples[name]);
    const bars = own.map(({ axis, value, samples }) => ({
      label: about[axis](value),
      spread: spreadFor(samples[name]),
    }));
    return bars.length > 0
      ? [{ title: `CPU time of the replicas per request: ${name}, ${titles[own[0]?.axis as Axis]}`, unit: 'µs', bars }]
      : [];
  });
}
