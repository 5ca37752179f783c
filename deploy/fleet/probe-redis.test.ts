import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { pingRedis, readRedisInfo, redisReportOf } from './probe-redis.ts';

const healthy = [
  '# Memory',
  'used_memory:1312400',
  'maxmemory:268435456',
  '# Persistence',
  'loading:0',
  'aof_enabled:1',
  'aof_last_write_status:ok',
  'rdb_last_bgsave_status:ok',
  'role:master',
  '',
];

test('a healthy Redis: its role, and how much of its memory is used', () => {
  expect(redisReportOf(healthy.join('\r\n'))).toEqual({ facts: ['master', 'memory 1.3 MB of 268 MB'] });
});

test.each([
  [{ role: 'slave' }, 'replica of another Redis'],
  [{ maxmemory: '0' }, 'memory 1.3 MB, no limit'],
  [{ aof_enabled: '0' }, 'no append-only file'],
  [{ aof_last_write_status: 'err' }, 'the last write of the append-only file failed'],
  [{ rdb_last_bgsave_status: 'err' }, 'the last snapshot failed'],
  [{ loading: '1' }, 'loading its data'],
])('%o is reported', (change, fact) => {
  const lines = healthy.map((line) => {
    const [name = ''] = line.split(':');
    return name in change ? `${name}:${change[name as keyof typeof change]}` : line;
  });
  expect(redisReportOf(lines.join('\n')).facts).toContain(fact);
});

test.each([
  [['state=online,offset=900', 'state=online,offset=1000'], '2 Redis replicas follow, at most 100 B behind'],
  [['state=wait_bgsave,offset=0', 'state=online,offset=1000'], '1 Redis replica follows, at most 0 B behind'],
  [['state=wait_bgsave,offset=0'], 'no Redis replica follows, so it refuses writes'],
])('a primary with the replicas %j', (replicas, fact) => {
  const lines = replicas.map((line, number) => `slave${number}:ip=127.0.0.1,port=1,${line},lag=0`);
  const info = [...healthy, 'master_repl_offset:1000', ...lines].join('\r\n');
  expect(redisReportOf(info, 'redis-2')).toEqual({
    primary: 'redis-2',
    facts: ['redis-2 is the primary', fact, 'memory 1.3 MB of 268 MB'],
  });
});

test('a server that never answers, and one that answers with an error, have no info', async () => {
  for (const answer of ['', '-LOADING Redis is loading the dataset in memory\r\n']) {
    const server = createServer((socket) => void socket.write(answer)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    expect([await readRedisInfo(port, 100), await pingRedis(port, 100)]).toEqual([null, null]);
    server.close();
  }
});
