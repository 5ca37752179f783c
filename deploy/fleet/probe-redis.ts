import { connect } from 'node:net';
import type { RedisReport } from './fleet.ts';

/**
 * Sends an inline command, which needs no client, to the Redis at a port of 127.0.0.1 over a new connection.
 * @returns its reply without the type and the length; null if it is an error, or there is none within `ms`
 */
function askRedis(port: number, command: string, ms: number): Promise<string | null> {
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
  const fields = Object.fromEntries(info.split(/\r?\n/).map((line) => line.split(/:(.*)/s).slice(0, 2)));
  const [used, limit] = [Number(fields.used_memory ?? 0), Number(fields.maxmemory ?? 0)];
  const memory = limit > 0 ? `${formatBytes(used)} of ${formatBytes(limit)}` : `${formatBytes(used)}, no limit`;
  const isFailed = (name: string) => fields[name] !== undefined && fields[name] !== 'ok';
  const role = fields.role === 'slave' ? 'replica of another Redis' : 'master';
  const facts = [
    primary === undefined ? role : `${primary} is the primary`,
    ...(primary === undefined ? [] : [replicationOf(info, Number(fields.master_repl_offset))]),
    `memory ${memory}`,
    ...(fields.aof_enabled === '0' ? ['no append-only file'] : []),
    ...(isFailed('aof_last_write_status') ? ['the last write of the append-only file failed'] : []),
    ...(isFailed('aof_last_bgrewrite_status') ? ['the last rewrite of the append-only file failed'] : []),
    ...(isFailed('rdb_last_bgsave_status') ? ['the last snapshot failed'] : []),
    ...(fields.loading === '1' ? ['loading its data'] : []),
  ];
  return primary === undefined ? { facts } : { primary, facts };
}

/** Whether both replicas of a primary have confirmed within two seconds (min-replicas-max-lag) that they follow it. */
export const hasBothReplicas = (info: string) => /^min_slaves_good_slaves:2\b/m.test(info);

/** How many replicas follow a primary, and how far the last of them is behind. */
function replicationOf(info: string, offset: number): string {
  const behind = [...info.matchAll(/^slave\d+:.*\bstate=online,offset=(\d+)/gm)].map(([, own]) => offset - Number(own));
  if (behind.length === 0) return 'no Redis replica follows, so it refuses writes';
  const number = behind.length === 1 ? '1 Redis replica follows' : `${behind.length} Redis replicas follow`;
  return `${number}, at most ${formatBytes(Math.max(0, ...behind))} behind`;
}

/** `840 B`, `1.3 MB` */
function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[power]}`;
}
