import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import type { Bench, BenchReplica, BenchServers, Comparison, Result } from './bench.ts';
import { type Candidate, candidates, type Goal, goals, peersDir } from './candidates.ts';
import { send, type Subject, type Work, works } from './send.ts';
import { renderBenchPage } from './page.ts';
import { formatSpread, type Spread, spreadOf } from './spread.ts';

/** Of each candidate, behind nginx. */
const replicaCount = 2;
/** Until everything is compiled; a shorter measurement does not ask for that. */
const warmUpSeconds = 2;
/** Enough for the memory of one session to stand out from that of everything else. */
const sessionsMeasured = 500;

export const sessions: Comparison = {
  about: 'sessions side by side: two replicas of each set-up behind one nginx, on one Redis',
  run: measure,
};

interface Running {
  candidate: Candidate;
  subject: Subject;
  cookies: string[];
  bytesPerSession: number | null;
  samples: Record<string, Sample[]>;
}

/** What one round measured of one kind of work. */
interface Sample {
  perSecond: number;
  cpuMicros: number | null;
  p50: number;
  p99: number;
  redisCommands: number;
  redisBytes: number;
}

async function measure(bench: Bench): Promise<Result> {
  const chosen = candidates.filter(({ name }) => bench.only.length === 0 || bench.only.includes(name));
  if (chosen.some(({ peer }) => peer)) {
    bench.progress.report('  installing the packages of the peers, unless they are there');
    await bench.installPeers(peersDir);
  }
  return bench.withServers(async (servers) => {
    const redis = await connectRedis(servers.redisPort);
    try {
      const running = await start(chosen, servers, redis, bench);
      await measureRounds(running, redis, bench);
      return summarize(running);
    } finally {
      redis.destroy();
    }
  });
}

type Redis = Awaited<ReturnType<typeof connectRedis>>;

async function connectRedis(port: number) {
  const { createClient } = await import('redis'); // takes 150 ms to load, and few commands need it
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => {}); // the calls reject
  await client.connect();
  return {
    async info(section: string) {
      const text = await client.info(section);
      return (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]);
    },
    clear: () => client.flushAll(),
    destroy: () => client.destroy(),
  };
}

/** Starts the candidates, measures what a session of each weighs, and logs in the users. */
async function start(chosen: Candidate[], servers: BenchServers, redis: Redis, bench: Bench): Promise<Running[]> {
  bench.progress.report(`  starting ${chosen.length * replicaCount} replicas`);
  const groups: Record<string, BenchReplica[]> = {};
  for (const candidate of chosen) {
    groups[candidate.name] = [];
    for (let number = 1; number <= replicaCount; number++)
      groups[candidate.name]?.push(await startOne(candidate, number, servers));
  }
  const urls = await servers.startNginx(groups);
  const weights = new Map<Candidate, number>();
  for (const candidate of chosen.filter(({ sessions }) => sessions === 'redis')) {
    await redis.clear();
    const before = (await redis.info('memory'))('used_memory');
    await logIn(urls[candidate.name] as string, sessionsMeasured, candidate);
    weights.set(candidate, ((await redis.info('memory'))('used_memory') - before) / sessionsMeasured);
  }
  await redis.clear();
  const running: Running[] = [];
  for (const candidate of chosen) {
    const url = urls[candidate.name] as string;
    const cookies = await logIn(url, bench.connections, candidate);
    await check(url, cookies[0] as string, candidate);
    const subject = { url, pids: (groups[candidate.name] ?? []).map(({ pid }) => pid) };
    running.push({ candidate, subject, cookies, bytesPerSession: weights.get(candidate) ?? null, samples: {} });
  }
  return running;
}

function startOne({ name, peer, settings }: Candidate, number: number, servers: BenchServers): Promise<BenchReplica> {
  const own = `${name}-${number}`;
  return peer ? servers.startPeer(own, path.join(peersDir, peer), settings) : servers.startReplica(own, settings);
}

/** Logs in users one after the other. @returns their cookies */
async function logIn(url: string, count: number, { name, sessions }: Candidate): Promise<string[]> {
  if (!sessions) return Array.from({ length: count }, () => '');
  const cookies: string[] = [];
  for (let number = 1; number <= count; number++) {
    const response = await request(url, 'POST', '/login', '', { name: nameOf(number) });
    const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0]);
    if (cookie.length === 0) throw new FleetError(`${name}: a login (${response.status}) gave no cookie`);
    cookies.push(cookie.join('; '));
    await response.body?.cancel();
  }
  return cookies;
}

const nameOf = (number: number) => `user-${number}`;

/** Before its speed counts, a candidate must know its user and keep what is written. */
async function check(url: string, cookie: string, { name, sessions }: Candidate): Promise<void> {
  const profile = await readJson(await request(url, 'GET', '/profile', cookie));
  const expected = sessions ? nameOf(1) : 'guest';
  if ((profile.user as { name?: string } | undefined)?.name !== expected)
    throw new FleetError(`${name}: GET /profile is wrong: ${JSON.stringify(profile)}`);
  const changed = await request(url, 'PATCH', '/preferences', cookie, { theme: 'dark' });
  const later =
    sessions === 'cookie'
      ? changed.headers
          .getSetCookie()
          .map((line) => line.split(';')[0])
          .join('; ')
      : cookie;
  if ((await readJson(changed)).theme !== 'dark') throw new FleetError(`${name}: PATCH /preferences is wrong`);
  if (sessions && (await readJson(await request(url, 'GET', '/preferences', later))).theme !== 'dark')
    throw new FleetError(`${name}: what was written is not there`);
}

function request(url: string, method: string, route: string, cookie: string, body?: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
  return fetch(`${url}${route}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

async function measureRounds(running: Running[], redis: Redis, { rounds, seconds, progress, ending }: Bench) {
  for (const work of works)
    for (const { subject, cookies } of running)
      await send(subject, { work, cookies, seconds: Math.min(warmUpSeconds, seconds), ending });
  for (let round = 0; round < rounds; round++) {
    for (const work of works) {
      progress.report(`  round ${round + 1} of ${rounds}: ${work.name}`);
      // Each round begins with another one: whoever comes first meets another machine than whoever comes last.
      const shift = round % running.length;
      for (const one of [...running.slice(shift), ...running.slice(0, shift)]) {
        const sample = await measureOne(one, work, redis, seconds, ending);
        one.samples[work.name] = [...(one.samples[work.name] ?? []), sample];
      }
    }
  }
}

async function measureOne(
  { subject, cookies }: Running,
  work: Work,
  redis: Redis,
  seconds: number,
  ending: AbortSignal,
): Promise<Sample> {
  const before = await redis.info('stats');
  const { answered, cpuSeconds, latencyMs, ...sent } = await send(subject, { work, cookies, seconds, ending });
  const after = await redis.info('stats');
  const grown = (name: string) => after(name) - before(name);
  return {
    perSecond: answered / sent.seconds,
    cpuMicros: cpuSeconds === null ? null : (1e6 * cpuSeconds) / answered,
    ...latencyMs,
    redisCommands: grown('total_commands_processed') / answered,
    redisBytes: (grown('total_net_input_bytes') + grown('total_net_output_bytes')) / answered,
  };
}

function summarize(running: Running[]): Result {
  const found = goals.flatMap((goal) => resultOf(goal, running) ?? []);
  const median = (values: number[]) => spreadOf(values).median;
  const rows = running.flatMap(({ candidate, samples, subject, bytesPerSession }) =>
    works.map(({ name: work }) => {
      const own = samples[work] ?? [];
      const cpu = own.flatMap(({ cpuMicros }) => cpuMicros ?? []);
      return [
        candidate.about,
        work,
        formatSpread(spreadOf(own.map(({ perSecond }) => perSecond))),
        `${median(own.map(({ p50 }) => p50))} / ${median(own.map(({ p99 }) => p99))}`,
        formatSpread(cpu.length > 0 ? spreadOf(cpu) : null),
        median(own.map(({ redisCommands }) => redisCommands)).toFixed(1),
        Math.round(median(own.map(({ redisBytes }) => redisBytes))).toString(),
        bytesPerSession === null ? '-' : Math.round(bytesPerSession).toString(),
        residentMegabytes(subject.pids).toFixed(0),
      ];
    }),
  );
  const subjects = running.map(({ candidate, samples, subject, bytesPerSession }) => ({
    name: candidate.name,
    about: candidate.about,
    samples,
    redisBytesPerSession: bytesPerSession,
    residentMegabytes: residentMegabytes(subject.pids),
  }));
  const notes = found.map(describeGoal);
  const plot = (work: string, figure: 'perSecond' | 'cpuMicros') =>
    running.map(({ candidate, samples }) => {
      const values = (samples[work] ?? []).flatMap((sample) => sample[figure] ?? []);
      return { label: candidate.about, spread: values.length > 0 ? spreadOf(values) : null };
    });
  return {
    columns: [
      'set-up',
      'work',
      'requests per second',
      'p50 / p99 ms',
      'CPU µs per request',
      'Redis commands',
      'Redis bytes',
      'bytes per session',
      'MB per replica',
    ],
    rows,
    notes,
    data: { subjects, goals: found.map(({ goal, spread, isMet }) => ({ ...goal, ...spread, isMet })) },
    isMet: found.every(({ isMet }) => isMet),
    page: renderBenchPage(
      `${replicaCount} replicas of each set-up behind one nginx`,
      works.flatMap(({ name }) => [
        { title: `CPU time of the replicas per request: ${name}`, unit: 'µs', bars: plot(name, 'cpuMicros') },
        { title: `Requests per second: ${name}`, unit: '', bars: plot(name, 'perSecond') },
      ]),
      notes,
    ),
  };
}

function describeGoal({ goal, spread, isMet }: { goal: Goal; spread: Spread; isMet: boolean }): string {
  const limit = goal.atLeast === undefined ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`;
  const value = `${formatSpread(spread, goal.difference ? 0 : 2)} ${goal.difference ? 'more than' : 'times'} ${goal.than}`;
  return `${isMet ? 'met' : 'NOT met'}: ${goal.text}, ${value}; goal: ${limit}`;
}

/** Compares two candidates round by round. @returns undefined if one was not measured */
function resultOf(goal: Goal, running: Running[]): { goal: Goal; spread: Spread; isMet: boolean } | undefined {
  const of = (name: string) => running.find(({ candidate }) => candidate.name === name)?.samples[goal.work];
  const [mine, base] = [of(goal.of), of(goal.than)];
  if (!mine || !base) return undefined;
  const values = mine.flatMap((sample, round) => {
    const [a, b] = [sample[goal.figure], base[round]?.[goal.figure]];
    if (a === null || b === null || b === undefined) return [];
    return goal.difference ? a - b : a / b;
  });
  if (values.length === 0) return undefined;
  const spread = spreadOf(values);
  const { atLeast = -Infinity, atMost = Infinity } = goal;
  return { goal, spread, isMet: spread.median >= atLeast && spread.median <= atMost };
}

/** What each process occupies on average; NaN if the system does not report it (macOS). */
function residentMegabytes(pids: number[]): number {
  const sizes = pids.map((pid) => {
    try {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
    } catch {
      return Number.NaN;
    }
  });
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}
