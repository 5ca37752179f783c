import diagnostics from 'node:diagnostics_channel';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withTemporaryFleet } from '../../deploy/fleet/local/temporary.ts';
import { createVisitor } from '../../test/replica.ts';
import { shopping } from '../users/workload.ts';
import type { Plan } from './plan.ts';
import { silent } from './progress.ts';
import { runPlan } from './run.ts';

/** Collects what requests and responses of this process carry that no log may hold, until the test is over. */
function collectSecrets(): Set<string> {
  const secrets = new Set<string>();
  const add = (cookie: string) => {
    const [id = '', signature = ''] = decodeURIComponent(cookie)
      .replace(/^s:/, '')
      .split(/~[^.]*\.|\./);
    for (const part of [id, signature]) if (part.length > 16) secrets.add(part);
  };
  const sent = (message: unknown) => {
    const { headers } = message as { headers: string };
    for (const [, cookie = ''] of headers.matchAll(/\bsid=([^;\r]+)/g)) add(cookie);
    for (const [, key = ''] of headers.matchAll(/(?:idempotency-key: |[?&]key=)([\w-]+)/gi)) secrets.add(key);
  };
  const received = (message: unknown) => {
    const { response } = message as { response: { headers: Buffer[] } };
    for (const header of response.headers)
      for (const [, cookie = ''] of String(header).matchAll(/^sid=([^;]+);/g)) add(cookie);
  };
  const channels = { 'undici:client:sendHeaders': sent, 'undici:request:headers': received };
  for (const [name, listener] of Object.entries(channels)) {
    diagnostics.subscribe(name, listener);
    onTestFinished(() => void diagnostics.unsubscribe(name, listener));
  }
  return secrets;
}

// Names stand in no log either; the items that users put into their carts are named for them, and paths are logged.
const names = /User \d{4}|Grace Hopper/;

test('no secret, cookie, session id, form key or name is in any log, whatever breaks', async () => {
  const secrets = collectSecrets();
  const plan: Plan = {
    about: '',
    calmSeconds: 0.5,
    steps: [
      { fault: 'kill-replica', seconds: 1 },
      { fault: 'redis-kill', seconds: 1 },
      { fault: 'redis-pause', seconds: 1 },
      { fault: 'redis-full', seconds: 1 },
      { fault: 'cut-replica', seconds: 1 },
      { fault: 'rotate-secret', seconds: 1 },
    ],
  };
  const users = { users: 40, rate: 200, background: 0, workload: shopping, seed: 1, command: '' };
  const ending = new AbortController().signal;
  const own = { replicas: 2, env: process.env, settings: { LOG_LEVEL: 'trace' } };
  await withTemporaryFleet(own, ending, async (fleet, dir) => {
    const { http } = await fleet.describe();
    const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' };
    const visitor = createVisitor(http);
    await visitor.send('POST', `/page/login?key=${crypto.randomUUID()}`, 'name=Grace+Hopper', form);
    await visitor.send('POST', `/page/cart?key=${crypto.randomUUID()}`, 'sku=tea&quantity=x', form);
    const { operations } = await runPlan({ fleet, name: 'logs', plan, ...users, progress: silent, ending });

    for (const file of globSync('**/secret*', { cwd: dir }))
      for (const line of readFileSync(path.join(dir, file), 'utf8').split(/[\s,]+/))
        if (line.length > 16) secrets.add(line);
    expect(operations.length).toBeGreaterThan(1000);
    expect(secrets.size).toBeGreaterThan(500);
    const logs = globSync('logs/*.log', { cwd: dir }).map(
      (file) => [file, readFileSync(path.join(dir, file), 'utf8')] as const,
    );
    const written = logs.map(([, text]) => text).join('\n');
    for (const part of ['"status":503', '/page/login', 'Ready to accept connections', 'is unreachable'])
      expect(written.includes(part), part).toBe(true);
    const found = [...secrets].filter((secret) => written.includes(secret));
    expect(found.length, `of ${secrets.size}, in ${logs.map(([file]) => file)}`).toBe(0);
    expect(names.exec(written)?.[0]).toBeUndefined();
  });
}, 120_000);
