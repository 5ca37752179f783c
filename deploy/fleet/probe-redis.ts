import { connect } from 'node:net';
import type { RedisReport } from './fleet.ts';

/**
 * Sends an inline command, which needs no client, to the Redis at a port of 127.0.0.1 over a new connection.
 * @returns its reply without the type and the length; null if it is an error, or there is none within `ms`
 */
export function askRedis(port: number, command: string, ms: number): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    const end = (reply: string | null) => {
      clearTimeout(late);
      socket.destroy();
      resolve(reply);
    };
    const late = setTimeout(end, ms, null);
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
      const reply = replyIn(text);
      if (reply !== undefined) end(reply);
    });
    socket.once('error', () => end(null)).once('close', () => end(null));
  });
}

/** A simple string (`+PONG`) or a bulk string (`$3`, a line break, and the text); undefined as long as it is not complete. */
function replyIn(text: string): string | null | undefined {
  if (text.startsWith('-')) return null; // an error, as while it loads its data
  if (text.startsWith('+')) return text.slice(1).trimEnd();
  const [head, length] = /^\$(\d+)\r\n/.exec(text) ?? [];
  if (head === undefined || text.length < head.length + Number(length)) return undefined;
  return text.slice(head.length, head.length + Number(length));
}

/** @returns the milliseconds until it answered a PING; null if it did not within `ms`, or is loading its data */
export async function pingRedis(port: number, ms: number): Promise<number | null> {
  const start = performance.now();
  return (await askRedis(port, 'PING', ms)) === 'PONG' ? performance.now() - start : null;
}

/** @returns the text of INFO; null as pingRedis */
export const readRedisInfo = (port: number, ms: number) => askRedis(port, 'INFO', ms);

/** What people should know of a Redis. @param info its INFO @param primary its name, if it has replicas and sentinels */
export function redisReportOf(info: string, primary?: string): RedisReport {
  const fields = fieldsOf(info);
  const role = fields.role === 'slave' ? 'replica of another Redis' : 'master';
  const facts = [
    primary === undefined ? role : `${primary} is the primary`,
    ...(primary === undefined ? [] : [replicationOf(info)]),
    memoryOf(usageOf(fields)),
    ...failuresOf(fields),
  ];
  const isAlone = primary !== undefined && lagOf(info) === undefined;
  return {
    ...(primary !== undefined && { primaries: [primary] }),
    ...((isAlone || isFull(usageOf(fields))) && { refusesWrites: true as const }),
    facts,
  };
}

/** @param infos of each primary of a Cluster its name and INFO; null if it does not answer */
export function clusterReportOf(infos: ReadonlyMap<string, string | null>): RedisReport {
  const primaries = [...infos.keys()].toSorted();
  const answering = primaries.flatMap((name) => {
    const info = infos.get(name);
    return info ? [{ name, info, ...usageOf(fieldsOf(info)), behind: lagOf(info) }] : [];
  });
  const named = (names: string[]) => names.join(', ').replace(/, (?=[^,]*$)/, ' and ');
  const silent = primaries.filter((name) => !infos.get(name));
  const alone = answering.filter(({ behind }) => behind === undefined).map(({ name }) => name);
  const fullest = answering.toSorted((a, b) => b.used - a.used)[0];
  const behind = Math.max(0, ...answering.map(({ behind = 0 }) => behind));
  const facts = [
    `${named(primaries)} are the primaries of a Cluster`,
    ...(silent.length > 0 ? [`no answer of ${named(silent)}`] : []),
    ...(alone.length > 0
      ? [`no Redis replica follows ${named(alone)}, so its writes are refused`]
      : [`a Redis replica follows each, at most ${formatBytes(behind)} behind`]),
    ...(fullest ? [`${memoryOf(fullest)} at most`] : []),
    ...answering.flatMap(({ name, info }) => failuresOf(fieldsOf(info)).map((failure) => `${name}: ${failure}`)),
  ];
  const refusesWrites = silent.length > 0 || alone.length > 0 || answering.some(isFull);
  return { primaries, ...(refusesWrites && { refusesWrites }), facts };
}

const fieldsOf = (info: string): Record<string, string> =>
  Object.fromEntries(info.split(/\r?\n/).map((line) => line.split(/:(.*)/s).slice(0, 2)));

const usageOf = (fields: Record<string, string>) => ({
  used: Number(fields.used_memory ?? 0),
  limit: Number(fields.maxmemory ?? 0),
});

const isFull = ({ used, limit }: { used: number; limit: number }) => limit > 0 && used >= limit;

const memoryOf = ({ used, limit }: { used: number; limit: number }) =>
  `memory ${limit > 0 ? `${formatBytes(used)} of ${formatBytes(limit)}` : `${formatBytes(used)}, no limit`}`;

/** What is wrong with what keeps its data. */
function failuresOf(fields: Record<string, string>): string[] {
  const isFailed = (name: string) => fields[name] !== undefined && fields[name] !== 'ok';
  return [
    ...(fields.aof_enabled === '0' ? ['no append-only file'] : []),
    ...(isFailed('aof_last_write_status') ? ['the last write of the append-only file failed'] : []),
    ...(isFailed('aof_last_bgrewrite_status') ? ['the last rewrite of the append-only file failed'] : []),
    ...(isFailed('rdb_last_bgsave_status') ? ['the last snapshot failed'] : []),
    ...(fields.loading === '1' ? ['loading its data'] : []),
  ];
}

/** Whether both replicas of a primary have confirmed within two seconds (min-replicas-max-lag) that they follow it. */
export const hasBothReplicas = (info: string) => /^min_slaves_good_slaves:2\b/m.test(info);

/** Whether any does. */
export const hasReplica = (info: string) => /^min_slaves_good_slaves:[1-9]/m.test(info);

/** How many bytes each online replica of a primary is behind. */
function lagsOf(info: string): number[] {
  const offset = Number(/^master_repl_offset:(\d+)/m.exec(info)?.[1]);
  return [...info.matchAll(/^slave\d+:.*\bstate=online,offset=(\d+)/gm)].map(([, own]) =>
    Math.max(0, offset - Number(own)),
  );
}

/** Of the last one; undefined if there is none. */
const lagOf = (info: string) => lagsOf(info).toSorted((a, b) => b - a)[0];

/** How many replicas follow a primary, and how far the last of them is behind. */
function replicationOf(info: string): string {
  const { length } = lagsOf(info);
  if (length === 0) return 'no Redis replica follows, so it refuses writes';
  const number = length === 1 ? '1 Redis replica follows' : `${length} Redis replicas follow`;
  return `${number}, at most ${formatBytes(lagOf(info) ?? 0)} behind`;
}

/** `840 B`, `1.3 MB` */
function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[power]}`;
}
