import { expect, test } from 'vitest';
import { findPorts, returnPorts } from '../ports.ts';
import type { Servers } from '../process.ts';
import type { LocalFiles } from './files.ts';
import { createClusterRedis } from './redis-cluster.ts';
import { createSentinelRedis } from './redis-sentinel.ts';

test.each(['sentinels', 'a Cluster'])('a ping and a report of %s that do not answer are null', async (which) => {
  const ports = await findPorts(12); // nothing listens there
  const [redis, others] = [ports.slice(0, 6), ports.slice(6)];
  const [servers, files] = [{} as Servers, { redis: '' } as LocalFiles];
  const { part } =
    which === 'sentinels'
      ? createSentinelRedis(servers, files, { redis, sentinels: others }, new Map())
      : createClusterRedis(servers, files, { redis, buses: others }, new Map());
  expect(await part.ping(100)).toBeNull();
  expect(await part.report(100)).toBeNull();
  returnPorts(...ports);
});
