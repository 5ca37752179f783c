import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import { isCluster, type Redis } from './redis.ts';
import type { ClusterClient } from './sessions/index.ts';

/** What is wrong with a Redis that answers, and what to change. */
export interface Problem {
  text: string;
  /** Sessions cannot be served, or would be lost: a replica that finds this at its start does not become ready. */
  isFatal: boolean;
}

const retryMs = 2000;

/**
 * Looks at Redis each time a connection is made, and logs what is wrong with it.
 * @returns a promise that resolves once Redis has been found fit for sessions; until then it is looked at again every 2 s
 */
export function whenUsable(client: Redis, config: Config, logger: Logger): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isUsable = false;
  let reported = '';

  async function look(): Promise<void> {
    const problems = await findProblems(client, config);
    const text = problems.map((problem) => problem.text).join('; ');
    isUsable ||= !problems.some(({ isFatal }) => isFatal);
    if (text !== '' && text !== reported) logger[isUsable ? 'warn' : 'error'](`Redis: ${text}`);
    reported = text;
    if (isUsable) resolve();
  }

  async function lookUntilUsable(): Promise<void> {
    for (;;) {
      await look().catch(() => {}); // the connection is lost, or Redis hangs or is loading: not its settings
      if (isUsable || !client.isReady) return; // else the next connection looks
      await pause(retryMs, undefined, { ref: false });
    }
  }

  client.on('ready', () => void lookUntilUsable());
  if (client.isReady) void lookUntilUsable();
  return promise;
}

/** @throws if Redis cannot say it now */
export async function findProblems(client: Redis, config: Config): Promise<Problem[]> {
  if (!isCluster(client)) return findProblemsOf(client, config, '{probe}');
  const found = [...client.primaries].map(async ([server, one]) => {
    const problems = await findProblemsOf(one, config, tagAt(client, server));
    return problems.map((problem) => ({ ...problem, text: `${server}: ${problem.text}` }));
  });
  return (await Promise.all(found)).flat();
}

/** One server, of a Cluster too. */
type Server = Pick<Redis, 'sendCommand'>;

/** Keys with this tag are at that server of a Cluster. */
function tagAt(client: ClusterClient, server: string): string {
  let number = 0;
  while (client.primaryOf(`session:{probe-${number}}`) !== server && number < maxTags) number += 1;
  return `{probe-${number}}`;
}

const maxTags = 2000;

async function findProblemsOf(
  client: Server,
  { store, production, redisSentinels, redisCluster, waitReplicas = redisSentinels || redisCluster ? 1 : 0 }: Config,
  tag: string,
): Promise<Problem[]> {
  const fatal = (text: string) => ({ text, isFatal: true });
  const info = await readInfo(client);
  const problems: Problem[] = [];
  if (info.get('role') === 'slave') problems.push(fatal('it is a replica, which takes no writes: name its primary'));
  else if (!redisCluster && info.get('cluster_enabled') === '1' && !(await hasAllSlots(client)))
    problems.push(fatal('it is a server of a Cluster, which has only some of the sessions: set REDIS_CLUSTER'));
  else if (store === 'durable') {
    const refusal = await refusalOf(client, waitReplicas > 0, tag);
    if (refusal) problems.push(fatal(`it refuses what sessions need (${refusal}): version 6.2 or later, ${needed}`));
  }
  if (waitReplicas > 0 && info.get('connected_slaves') === '0')
    problems.push({
      text: 'it has no replica, and each change waits for one, in vain: REDIS_WAIT_REPLICAS',
      isFatal: false,
    });
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction' && info.get('maxmemory') !== '0') {
    const text = `it ends sessions when its memory is full (maxmemory-policy ${policy}): set noeviction`;
    problems.push({ text, isFatal: production });
  }
  if (production && info.get('aof_enabled') === '0')
    problems.push({ text: 'it loses sessions when it restarts: set appendonly yes', isFatal: false });
  return problems;
}

/** By samples: the keys of sessions are in all slots. */
async function hasAllSlots(client: Server): Promise<boolean> {
  const keys = Array.from({ length: 32 }, (_, number) => `session:{probe-${number}}`);
  const found = await Promise.allSettled(keys.map((key) => client.sendCommand(['EXISTS', key])));
  return !found.some((result) => result.status === 'rejected' && /^(MOVED|CLUSTERDOWN)\b/.test(result.reason.message));
}

/** Empty if this user may not ask. */
async function readInfo(client: Server): Promise<Map<string, string>> {
  try {
    const text = String(await client.sendCommand(['INFO']));
    return new Map(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  } catch (err) {
    if ((err as Error).message.startsWith('NOPERM')) return new Map();
    throw err;
  }
}

const needed =
  'and a user with ~session:* &session:* +@read +@write +@scripting +@pubsub +time, with replicas +wait +role, ' +
  'in a Cluster +cluster|slots +cluster|nodes +asking';

/** The commands of the session layer (src/sessions), on a key that expires at once. */
const probe = `
  redis.call('SET', KEYS[1], '1', 'PX', 1)
  redis.call('GETEX', KEYS[1], 'PX', 1)
  redis.call('HSET', KEYS[2], 'a', '1')
  redis.call('ZADD', KEYS[3], 1, 'a')
  return redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])`;

/** Why Redis does not execute the commands of sessions; undefined if it does, or will once it has memory or a disk again. */
async function refusalOf(client: Server, waits: boolean, tag: string): Promise<string | undefined> {
  const keys = ['1', '2', '3'].map((number) => `session:${tag}:${number}`);
  try {
    await client.sendCommand(['EVAL', probe, String(keys.length), ...keys]);
    await client.sendCommand(['TIME']);
    if (waits) await client.sendCommand(['WAIT', '0', '1']);
    return undefined;
  } catch (err) {
    const { message } = err as Error;
    if (/^(OOM|MISCONF|NOREPLICAS)\b/.test(message)) return undefined;
    if (/^(ERR|NOPERM|WRONGTYPE|READONLY)\b/.test(message)) return message.split(/ script: |, with args/, 1)[0];
    throw err;
  }
}
