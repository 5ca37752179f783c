import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { clusterReportOf, pingRedis, readRedisInfo, redisReportOf } from './probe-redis.ts';

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
    primaries: ['redis-2'],
    ...(fact.startsWith('no ') && { refusesWrites: true }),
    facts: ['redis-2 is the primary', fact, 'memory 1.3 MB of 268 MB'],
  });
});

test('a Redis that is full refuses writes', () => {
  const info = healthy.map((line) => line.replace(/^used_memory:.*/, 'used_memory:268435456')).join('\r\n');
  expect(redisReportOf(healthy.join('\r\n')).refusesWrites).toBeUndefined();
  expect(redisReportOf(info).refusesWrites).toBe(true);
});

test('the primaries of a Cluster are reported together, and what is wrong with one by its name', () => {
  const infoOf = (...lines: string[]) => [...healthy, 'master_repl_offset:1000', ...lines].join('\r\n');
  const follows = 'slave0:ip=127.0.0.1,port=1,state=online,offset=960,lag=0';
  const all = (third: string | null) =>
    clusterReportOf(
      new Map([
        ['redis-3', third],
        ['redis-1', infoOf(follows)],
        ['redis-5', infoOf(follows)],
      ]),
    );
  expect(all(infoOf(follows))).toEqual({
    primaries: ['redis-1', 'redis-3', 'redis-5'],
    facts: [
      'redis-1, redis-3 and redis-5 are the primaries of a Cluster',
      'a Redis replica follows each, at most 40 B behind',
      'memory 1.3 MB of 268 MB at most',
    ],
  });
  expect(all(infoOf())).toMatchObject({
    refusesWrites: true,
    facts: expect.arrayContaining(['no Redis replica follows redis-3, so its writes are refused']),
  });
  expect(all(null).facts).toContain('no answer of redis-3');
  expect(all(infoOf(follows).replace('aof_last_write_status:ok', 'aof_last_write_status:err')).facts).toContain(
    'redis-3: the last write of the append-only file failed',
  );
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
