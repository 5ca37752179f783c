import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVisitor } from '../../../test/replica.ts';
import type { Fleet, Network } from '../fleet.ts';
import { startTestFleet } from '../../../test/fleet.ts';
import { waitFor } from '../wait.ts';

describe('Redis and the links to it', () => {
  let fleet: Fleet;
  let links: Network;
  let http: string;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ fleet, http, end } = await startTestFleet({ replicas: 2, breakableNetwork: true }));
    links = fleet.network as Network;
  });
  afterAll(() => end());

  /** The statuses of /profile with this cookie, by replica. */
  async function statuses(cookie: string): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (let sent = 0; sent < 8; sent++) {
      const { status, headers } = await createVisitor(http, cookie).send('GET', '/profile');
      found[headers.get('X-Served-By') ?? 'none'] = status;
    }
    return found;
  }

  async function logIn(): Promise<string> {
    const visitor = createVisitor(http);
    expect((await visitor.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
    return visitor.cookie;
  }

  test('a replica cut off from Redis serves no session, the other does; after healing both do', async () => {
    const cookie = await logIn();
    expect(await statuses(cookie)).toEqual({ 'replica-1': 200, 'replica-2': 200 });
    await links.cut(1);
    const cut = await statuses(cookie);
    expect(cut).toMatchObject({ 'replica-2': 200 });
    expect(cut['replica-1'] ?? 503).toBe(503);
    await links.heal(1);
    const isBoth = async () => (await statuses(cookie))['replica-1'] === 200;
    await waitFor('both serve it', isBoth, { timeoutMs: 5000 });
  });

  test('the connections of a replica are reset, and it serves again', async () => {
    const cookie = await logIn();
    await links.reset?.(2);
    const isBoth = async () => Object.values(await statuses(cookie)).join() === '200,200';
    await waitFor('both serve it', isBoth, { timeoutMs: 5000 });
  });

  test('an added replica gets a link, and loses it when it is removed', async () => {
    await fleet.scale(3);
    await links.cut(3);
    await fleet.scale(2);
    await expect(links.cut(3)).rejects.toThrow('replica 3 has no proxy to Redis');
    await fleet.scale(3);
    expect((await fleet.replicas())[2]).toMatchObject({ state: 'ready' });
    expect(Object.keys(await statuses(await logIn())).sort()).toEqual(['replica-1', 'replica-2', 'replica-3']);
  });

  test("setting a parameter of Redis returns its old value; a refusal has Redis's message", async () => {
    const former = await fleet.redis.configure('maxmemory', '10mb');
    expect(former).toBe(String(256 * 1024 * 1024));
    expect(await fleet.redis.configure('maxmemory', former)).toBe(String(10 * 1024 * 1024));
    await expect(fleet.redis.configure('maxmemory', 'plenty')).rejects.toThrow(
      /CONFIG SET maxmemory plenty: .*argument/,
    );
    await expect(fleet.redis.configure('no-such', '1')).rejects.toThrow(/Unknown option/);
  });
});
