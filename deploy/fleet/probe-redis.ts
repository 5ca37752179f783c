import { connect } from 'node:net';

/**
 * Asks the Redis at a port of 127.0.0.1 for INFO, over a new connection.
 * @returns its text; null if it did not answer within `ms`
 */
export function readRedisInfo(port: number, ms: number): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO\r\n')); // an inline command needs no client
    const end = (info: string | null) => {
      clearTimeout(late);
      socket.destroy();
      resolve(info);
    };
    const late = setTimeout(end, ms, null);
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
      // A bulk string: its length, a line break, and the text.
      const [head, length] = /^\$(\d+)\r\n/.exec(text) ?? [];
      if (head !== undefined && text.length >= head.length + Number(length)) end(text.slice(head.length));
      else if (/^[-+:]/.test(text)) end(null); // an error, as while it loads its data
    });
    socket.once('error', () => end(null)).once('close', () => end(null));
  });
}

/** What people should know of a Redis, from its INFO: its role, its memory, and errors of what keeps its data. */
export function redisFactsOf(info: string): string[] {
  const fields = Object.fromEntries(info.split(/\r?\n/).map((line) => line.split(/:(.*)/s).slice(0, 2)));
  const [used, limit] = [Number(fields.used_memory ?? 0), Number(fields.maxmemory ?? 0)];
  const memory = limit > 0 ? `${formatBytes(used)} of ${formatBytes(limit)}` : `${formatBytes(used)}, no limit`;
  const isFailed = (name: string) => fields[name] !== undefined && fields[name] !== 'ok';
  return [
    fields.role === 'slave' ? 'replica of another Redis' : 'master',
    `memory ${memory}`,
    ...(fields.aof_enabled === '0' ? ['no append-only file'] : []),
    ...(isFailed('aof_last_write_status') ? ['the last write of the append-only file failed'] : []),
    ...(isFailed('aof_last_bgrewrite_status') ? ['the last rewrite of the append-only file failed'] : []),
    ...(isFailed('rdb_last_bgsave_status') ? ['the last snapshot failed'] : []),
    ...(fields.loading === '1' ? ['loading its data'] : []),
  ];
}

/** `840 B`, `1.3 MB` */
function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[power]}`;
}
