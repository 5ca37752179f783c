import { FleetError } from '../../deploy/fleet/fleet.ts';
import { readCpuSeconds, send, type SendOptions, type Subject } from './send.ts';
import { formatSpread, spreadOf } from './spread.ts';

/** What one round measured of one kind of work. */
export interface Sample {
  perSecond: number;
  /** CPU time per request: of the replicas, and of Redis; null if the system does not report it. */
  cpuMicros: number | null;
  redisMicros: number | null;
  p50: number;
  p99: number;
  redisCommands: number;
  redisBytes: number;
}

export type Redis = Awaited<ReturnType<typeof connectRedis>>;

/** The Redis of a comparison: what it has done, and what is in it. */
export async function connectRedis(port: number) {
  const { createClient } = await import('redis'); // takes 150 ms to load, and few commands need it
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => {}); // the calls reject
  await client.connect();
  const info = async (section: string) => {
    const text = await client.info(section);
    return (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]);
  };
  return {
    info,
    pid: (await info('server'))('process_id'),
    clear: () => client.flushAll(),
    /** What all keys occupy. (`used_memory` has the buffers of connections in it, too.) */
    async bytes(): Promise<number> {
      let sum = 0;
      for await (const keys of client.scanIterator({ COUNT: 1000 }))
        for (const size of await Promise.all(keys.map((key) => client.memoryUsage(key)))) sum += size ?? 0;
      return sum;
    },
    destroy: () => client.destroy(),
    /** Fills a database with copies of one of its sessions, until there are `count` keys. */
    async fill(database: number, count: number): Promise<void> {
      await client.select(database);
      const { keys } = await client.scan('0', { TYPE: 'string', COUNT: 1000 });
      const missing = count - (await client.dbSize());
      for (let from = 0; from < missing; from += 10_000) {
        const range = [from, Math.min(missing, from + 10_000) - 1].map(String);
        await client.eval(fillScript, { keys: [keys[0] as string], arguments: range });
      }
      await client.select(0);
    },
  };
}

const fillScript = `
local text = redis.call('GET', KEYS[1])
for number = ARGV[1], ARGV[2] do
  redis.call('SET', KEYS[1]:sub(1, -11) .. string.format('%010d', number), text, 'PX', 86400000)
end`;

export async function measureOne(subject: Subject, redis: Redis, options: SendOptions): Promise<Sample> {
  const [before, cpuBefore] = [await redis.info('stats'), readCpuSeconds([redis.pid])];
  const { answered, cpuSeconds, latencyMs, seconds } = await send(subject, options);
  const [after, cpuAfter] = [await redis.info('stats'), readCpuSeconds([redis.pid])];
  const grown = (name: string) => after(name) - before(name);
  const micros = (seconds: number | null) => (seconds === null ? null : (1e6 * seconds) / answered);
  return {
    perSecond: answered / seconds,
    cpuMicros: micros(cpuSeconds),
    redisMicros: micros(cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore),
    ...latencyMs,
    redisCommands: grown('total_commands_processed') / answered,
    redisBytes: (grown('total_net_input_bytes') + grown('total_net_output_bytes')) / answered,
  };
}

export const nameOf = (number: number) => `user-${number}`;

/** How many log in at the same time. */
const atOnce = 16;

/** Logs in users. @returns their cookies @throws {FleetError} if a login gives none */
export async function logIn(url: string, count: number, candidate: string): Promise<string[]> {
  const cookies: string[] = [];
  let next = 0;
  const logInSome = async () => {
    while (next < count) {
      const index = next++;
      const response = await request(url, 'POST', '/login', '', { name: nameOf(index + 1) });
      await response.arrayBuffer();
      const cookie = cookieOf(response);
      if (cookie === '') throw new FleetError(`${candidate}: a login (${response.status}) gave no cookie`);
      cookies[index] = cookie;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, logInSome));
  return cookies;
}

/** What a response sets, as a Cookie header. */
export function cookieOf({ headers }: Response): string {
  const lines = headers.getSetCookie().map((line) => line.split(';')[0]);
  return lines.join('; ');
}

export function request(url: string, method: string, route: string, cookie: string, body?: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
  return fetch(`${url}${route}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

/** The cells that every table of samples has. */
export const sampleColumns = [
  'requests per second',
  'p50 / p99 ms',
  'CPU µs per request',
  'Redis µs',
  'Redis commands',
];

export function sampleCells(samples: Sample[]): string[] {
  const median = (values: number[]) => spreadOf(values).median;
  const known = (values: (number | null)[]) => values.filter((value) => value !== null);
  const [cpu, redis] = [
    known(samples.map(({ cpuMicros }) => cpuMicros)),
    known(samples.map(({ redisMicros }) => redisMicros)),
  ];
  return [
    formatSpread(spreadOf(samples.map(({ perSecond }) => perSecond))),
    `${median(samples.map(({ p50 }) => p50))} / ${median(samples.map(({ p99 }) => p99))}`,
    formatSpread(cpu.length > 0 ? spreadOf(cpu) : null),
    redis.length > 0 ? median(redis).toFixed(0) : '-',
    median(samples.map(({ redisCommands }) => redisCommands)).toFixed(1),
  ];
}
