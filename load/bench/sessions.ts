import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { renderMarkdownTable } from '../../web/markdown.ts';
import type { Bench, BenchReplica, BenchServers, Comparison, Result } from './bench.ts';
import { type Candidate, candidates, type Goal, goals, peersDir } from './candidates.ts';
import {
  connectRedis,
  cookieOf,
  logIn,
  measureOne,
  nameOf,
  type Redis,
  request,
  type Sample,
  sampleCells,
  sampleColumns,
} from './measure.ts';
import { type Subject, warmUp, works } from './send.ts';
import { formatSpread, type Spread, spreadOf } from './spread.ts';

/** Of each candidate, behind nginx. */
const replicaCount = 2;
/** Enough for the memory of one session to stand out from that of everything else. */
const sessionsMeasured = 500;

export const sessions: Comparison = {
  about: 'sessions side by side: two replicas of each set-up behind one nginx, on one Redis',
  parts: candidates.map(({ name }) => name),
  document: 'src/sessions/README.md',
  run: measure,
};

interface Running {
  candidate: Candidate;
  subject: Subject;
  cookies: string[];
  bytesPerSession: number | null;
  samples: Record<string, Sample[]>;
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
    await enter(urls[candidate.name] as string, sessionsMeasured, candidate);
    weights.set(candidate, (await redis.bytes()) / sessionsMeasured);
  }
  await redis.clear();
  const running: Running[] = [];
  for (const candidate of chosen) {
    const url = urls[candidate.name] as string;
    const cookies = await enter(url, bench.connections, candidate);
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

/** The cookies of the users; without sessions, as many empty ones. */
async function enter(url: string, count: number, { name, sessions }: Candidate): Promise<string[]> {
  return sessions ? logIn(url, count, name) : Array.from({ length: count }, () => '');
}

/** Before its speed counts, a candidate must know its user and keep what is written. */
async function check(url: string, cookie: string, { name, sessions }: Candidate): Promise<void> {
  const profile = await readJson(await request(url, 'GET', '/profile', cookie));
  const expected = sessions ? nameOf(1) : 'guest';
  if ((profile.user as { name?: string } | undefined)?.name !== expected)
    throw new FleetError(`${name}: GET /profile is wrong: ${JSON.stringify(profile)}`);
  const changed = await request(url, 'PATCH', '/preferences', cookie, { theme: 'dark' });
  const later = sessions === 'cookie' ? cookieOf(changed) : cookie;
  if ((await readJson(changed)).theme !== 'dark') throw new FleetError(`${name}: PATCH /preferences is wrong`);
  if (sessions && (await readJson(await request(url, 'GET', '/preferences', later))).theme !== 'dark')
    throw new FleetError(`${name}: what was written is not there`);
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

async function measureRounds(running: Running[], redis: Redis, { rounds, seconds, progress, ending }: Bench) {
  for (const work of works)
    for (const { subject, cookies } of running) await warmUp(subject, { work, cookies, seconds, ending });
  for (let round = 0; round < rounds; round++) {
    for (const work of works) {
      progress.report(`  round ${round + 1} of ${rounds}: ${work.name}`);
      // Each round begins with another one: whoever comes first meets another machine than whoever comes last.
      const shift = round % running.length;
      for (const one of [...running.slice(shift), ...running.slice(0, shift)]) {
        const { subject, cookies } = one;
        const sample = await measureOne(subject, redis, { work, cookies, seconds, ending });
        one.samples[work.name] = [...(one.samples[work.name] ?? []), sample];
      }
    }
  }
}

function summarize(running: Running[]): Result {
  const found = goals.flatMap((goal) => resultOf(goal, running) ?? []);
  const rows = running.flatMap(({ candidate, samples, subject, bytesPerSession }) =>
    works.map(({ name: work }) => {
      const own = samples[work] ?? [];
      return [
        candidate.about,
        work,
        ...sampleCells(own),
        Math.round(spreadOf(own.map(({ redisBytes }) => redisBytes)).median).toString(),
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
  const columns = ['set-up', 'work', ...sampleColumns, 'Redis bytes', 'bytes per session', 'MB per replica'];
  return {
    tables: [{ columns, rows }],
    notes,
    data: { subjects, goals: found.map(({ goal, spread, isMet }) => ({ ...goal, ...spread, isMet })) },
    isMet: found.every(({ isMet }) => isMet),
    plots: works.flatMap(({ name }) => [
      { title: `CPU time of the replicas per request: ${name}`, unit: 'µs', bars: plot(name, 'cpuMicros') },
      { title: `Requests per second: ${name}`, unit: '', bars: plot(name, 'perSecond') },
    ]),
    markdown: renderMarkdown(running, found),
  };
}

/** For people who choose: what each set-up costs, and how the layer compares with the set-up of tutorials. */
function renderMarkdown(running: Running[], found: Found[]): string {
  const cpu = (samples: Sample[] = []) => formatSpread(spreadOf(samples.flatMap(({ cpuMicros }) => cpuMicros ?? [])));
  const head = ['set-up', 'CPU µs per read', 'CPU µs per write', 'bytes in Redis per session'];
  const rows = running.map(({ candidate, samples, bytesPerSession }) => [
    candidate.about,
    cpu(samples.reads),
    cpu(samples.writes),
    bytesPerSession === null ? '' : Math.round(bytesPerSession).toString(),
  ]);
  const compared = found
    .filter(({ goal }) => !goal.difference && goal.of === 'layer')

    .map(({ goal, spread }) => `- ${goal.text}, relative to ${nameIn(running, goal.than)}: ${formatSpread(spread, 2)}`);
  return [renderMarkdownTable(head, rows), '', ...compared].join('\n');
}

function nameIn(running: Running[], name: string): string | undefined {
  return running.find(({ candidate }) => candidate.name === name)?.candidate.about;
}

/** What was measured for a goal. */
interface Found {
  goal: Goal;
  spread: Spread;
  isMet: boolean;
}

function describeGoal({ goal, spread, isMet }: Found): string {
  const limit = goal.atLeast === undefined ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`;
  const value = `${formatSpread(spread, goal.difference ? 0 : 2)} ${goal.difference ? 'more than' : 'times'} ${goal.than}`;
  return `${isMet ? 'met' : 'NOT met'}: ${goal.text}, ${value}; goal: ${limit}`;
}

/** Compares two candidates round by round. @returns undefined if one was not measured */
function resultOf(goal: Goal, running: Running[]): Found | undefined {
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
