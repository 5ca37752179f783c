import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVisitor } from '../../../test/replica.ts';
import { connectFleet, serveFleet } from './remote.ts';
import type { Fleet } from '../fleet.ts';
import { startLocalFleet } from './fleet.ts';
import { countAnswers, makeDir, startTestFleet } from '../../../test/fleet.ts';

/** The version of each replica, by its name. */
async function versions(http: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (let sent = 0; sent < 12; sent++) {
    const { body } = await createVisitor(http).send('GET', '/whoami');
    found[body.replica] = body.version;
  }
  return found;
}

describe('settings of replicas', () => {
  const { dir, remove } = makeDir();
  let fleet: Fleet;
  let http: string;
  beforeAll(async () => {
    ({ fleet, http } = await startTestFleet({
      dir,
      replicas: 2,
      settings: { APP_VERSION: '1', DRAIN_DELAY_MS: '50' },
    }));
  });
  afterAll(() => fleet.down().finally(remove));

  test('added replicas keep their own settings through restarts, until they are removed', async () => {
    await fleet.scale(3, undefined, { APP_VERSION: '2' });
    expect(await versions(http)).toEqual({ 'replica-1': '1', 'replica-2': '1', 'replica-3': '2' });
    await fleet.restart(3);
    expect(await versions(http)).toMatchObject({ 'replica-3': '2' });
    await fleet.scale(2);
    await fleet.scale(3);
    expect(await versions(http)).toMatchObject({ 'replica-3': '1' });
  });

  test('a deploy replaces the settings of all replicas, their own included, one by one', async () => {
    await fleet.scale(2);
    await fleet.scale(3, undefined, { APP_VERSION: '2' });
    const reports: string[] = [];
    await fleet.deploy({ APP_VERSION: '3' }, (line) => reports.push(line));
    expect(reports).toEqual(['replica-1 is replaced', 'replica-2 is replaced', 'replica-3 is replaced']);
    expect(await versions(http)).toEqual({ 'replica-1': '3', 'replica-2': '3', 'replica-3': '3' });
    await fleet.restart(1);
    expect(await versions(http)).toMatchObject({ 'replica-1': '3' });
  });

  test('a deploy that does not become ready leaves the others, and a restart restores the one', async () => {
    await expect(fleet.deploy({ APP_VERSION: 'no version' })).rejects.toThrow('replica-1 did not come up');
    expect((await fleet.replicas()).map(({ state }) => state)).toEqual(['down', 'ready', 'ready']);
    await fleet.restart(1);
    expect(await versions(http)).toMatchObject({ 'replica-1': '3' });
  });

  test('other processes can do this too', async () => {
    await serveFleet(fleet, dir);
    const remote = (await connectFleet(dir)) as Fleet;
    const reports: string[] = [];
    await remote.deploy({ APP_VERSION: '4' }, (line) => reports.push(line));
    await remote.scale(4, (line) => reports.push(line), { APP_VERSION: '5' });
    expect(await versions(http)).toMatchObject({ 'replica-1': '4', 'replica-4': '5' });
    expect(await remote.rotateSecret((line) => reports.push(line))).toMatch(/^[\da-f]{64}$/);
    await remote.scale(3);
    expect(reports).toHaveLength(3 + 1 + 8);
    expect(await remote.redis.configure('maxmemory-samples', '7')).toBe('5');
    expect(await remote.redis.configure('maxmemory-samples', '5')).toBe('7');
    expect(remote.network).toBeUndefined();
    expect(remote.redis.slowDisk).toBeUndefined();
    expect(remote.redis.fillDisk).toBeUndefined();
  });

  test('after a rotation the new secret signs, and old cookies remain valid, also in the next fleet', async () => {
    const before = createVisitor(http);
    await before.send('POST', '/login', { name: 'Ada' });
    const old = readFileSync(path.join(dir, 'secret'), 'utf8');
    const secret = await fleet.rotateSecret();
    const [fresh, ...others] = readFileSync(path.join(dir, 'secret'), 'utf8').split(',');
    expect(fresh).toMatch(/^[\da-f]{64}$/);
    expect(secret).toBe(fresh);
    expect(others.join()).toBe(old);
    const after = createVisitor(http);
    await after.send('POST', '/login', { name: 'Eve' });
    const user = async ({ send, cookie }: typeof before) =>
      (await send.call({ cookie }, 'GET', '/whoami')).body.user?.id;
    for (let sent = 0; sent < 6; sent++) expect([await user(before), await user(after)]).toEqual(['ada', 'eve']);

    await fleet.down();
    ({ fleet, http } = await startTestFleet({ dir, replicas: 1 }));
    for (const visitor of [before, after]) {
      const { body } = await createVisitor(http, visitor.cookie).send('GET', '/whoami');
      expect(body.user).not.toBeNull();
    }
    // The fleet forgets all secrets except the new one, which has signed since.
    await fleet.deploy({ SESSION_SECRETS: fresh as string });
    expect((await createVisitor(http, before.cookie).send('GET', '/whoami')).body.user).toBeNull();
    expect((await createVisitor(http, after.cookie).send('GET', '/whoami')).body.user).toMatchObject({ id: 'eve' });
  });

  test('given secrets are rotated too, and its own remain', async () => {
    const own = readFileSync(path.join(dir, 'secret'), 'utf8');
    await fleet.deploy({ SESSION_SECRETS: 's'.repeat(32) });
    const before = createVisitor(http);
    await before.send('POST', '/login', { name: 'Ada' });
    await fleet.rotateSecret();
    expect((await createVisitor(http, before.cookie).send('GET', '/whoami')).body.user).toMatchObject({ id: 'ada' });
    expect(readFileSync(path.join(dir, 'secret'), 'utf8')).toBe(own);
  });
});

test('replicas run the given entry file', async () => {
  const { dir, remove } = makeDir();
  const main = path.join(dir, 'main.ts');
  const real = new URL('../../../src/main.ts', import.meta.url).href;
  writeFileSync(main, `process.env.REPLICA = 'planted';\nawait import(${JSON.stringify(real)});\n`);
  const options = { replicas: 1, store: 'memory', dir, http: 0, https: 0, env: process.env, main };
  const fleet = await startLocalFleet(options);
  const { http } = await fleet.describe();
  expect(await countAnswers(http, 2)).toEqual({ planted: 2 });
  await fleet.down();
  remove();
});
