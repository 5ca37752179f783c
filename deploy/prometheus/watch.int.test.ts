import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createVisitor, statusUnder } from '../../test/replica.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { makeDir, startTestFleet } from '../../test/fleet.ts';
import { waitFor } from '../fleet/wait.ts';
import { dashboardQueries, needsExporter, Prometheus, withoutFallback } from '../../test/prometheus.ts';

// A fleet under load in which every cause of an alert occurs. Alerts take a moment to fire.
vi.setConfig({ testTimeout: 120_000 });
const seen = { timeoutMs: 40_000, everyMs: 200 };
let fleet: Fleet;
let http: string;
let prometheus: Prometheus;
let end: () => Promise<void>;
let leaving = false;
let crowd: Promise<unknown>;

const { dir, remove } = makeDir();
const file = (name: string) => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);
/**
 * A replica whose application counts visits with plain code if PLAIN_CODE is set: two concurrent visits conflict. With
 * FULL_DISK its log goes to a full disk.
 */
const main = `
  import { closeSync, openSync } from 'node:fs';
  import express from ${file('../node_modules/express/index.js')};
  const { use } = express.application;
  if (process.env.PLAIN_CODE)
    express.application.use = function (...handlers) {
      use.apply(this, handlers);
      if (handlers.flat(2).some(({ name }) => name === 'sessions'))
        use.call(this, ({ session }, _res, next) => next(void (session.visits = (session.visits ?? 0) + 1)));
      return this;
    };
  if (process.env.FULL_DISK) {
    closeSync(1);
    openSync('/dev/full', 'w');
  }
  await import(${file('main.ts')});
`;

beforeAll(async () => {
  writeFileSync(path.join(dir, 'main.ts'), main);
  ({ fleet, http, end } = await startTestFleet({ dir, prometheus: 0, main: path.join(dir, 'main.ts') }));
  prometheus = new Prometheus((await fleet.describe()).prometheus ?? '');
  crowd = Promise.all(Array.from({ length: 4 }, (_, number) => shop(`Visitor ${number}`)));
});
afterAll(async () => {
  leaving = true;
  await crowd;
  await end();
  remove();
});

/** Repeats everything that a visitor can do, some 20 requests a second, ignoring the results. */
async function shop(name: string): Promise<void> {
  for (let round = 0; !leaving; round++) {
    const [here, elsewhere] = [createVisitor(http), createVisitor(http)];
    const add = (sku: string, key: string) =>
      here.send('POST', '/cart/items', { sku, quantity: 1 }, { 'idempotency-key': `${name.at(-1)}-${round}-${key}` });
    const visit = async () => {
      for (const visitor of [here, elsewhere]) await visitor.send('POST', '/login', { name });
      await Promise.all([add('a', '1'), add('b', '2'), here.send('PATCH', '/preferences', { theme: 'dark' })]);
      await add('a', '1');
      await Promise.all(['/cart', '/profile', '/sessions', '/nothing'].map((path) => here.send('GET', path)));
      await here.send('DELETE', '/sessions');
      await elsewhere.send('GET', '/profile');
      await here.send('POST', '/login', { name });
      await Promise.all([add('c', '3'), here.send('POST', '/logout')]);
    };
    await visit().catch(() => {}); // nginx is up, but a connection may break
    await sleep(500);
  }
}

async function logIn(name: string) {
  const visitor = createVisitor(http);
  await visitor.send('POST', '/login', { name });
  return visitor;
}

async function find(alertname: string, replica?: string) {
  const alerts = await prometheus.alerts();
  return alerts.find(({ labels }) => labels.alertname === alertname && (!replica || labels.replica === replica));
}
const stateOf = async (alertname: string, replica?: string) => (await find(alertname, replica))?.state;

/** Waits for an alert, and checks that it says what it means and what to do. @param cause is called before each look */
async function fires(name: string, replica?: string, cause?: () => Promise<unknown>): Promise<void> {
  const isFiring = async () => {
    await cause?.();
    return (await stateOf(name, replica)) === 'firing';
  };
  await waitFor(`${name} fires`, isFiring, seen);
  const { summary, description, action } = (await find(name, replica))?.annotations ?? {};
  for (const text of [summary, description, action]) expect(text, name).toMatch(/^(?!.*(<error|<no value|NaN)).{16}/);
  if (replica) expect(summary).toContain(replica);
}
const ends = (name: string, replica?: string) =>
  waitFor(`${name} is over`, async () => (await stateOf(name, replica)) === undefined, seen);

test('no website can read it through the browser of its visitor', async () => {
  const { prometheus: url } = await fleet.describe();
  for (const origin of ['http://evil.example', 'null', http]) {
    const answer = await fetch(`${url}/api/v1/labels`, { headers: { origin } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('DNS rebinding: a page of another name cannot read it, through nginx or at its own port', async () => {
  const { prometheus: url } = await fleet.describe();
  const labels = `${url}/api/v1/labels`;
  for (const host of ['127.0.0.1', 'localhost:9090', '[::1]:9090', 'prometheus'])
    expect(await statusUnder(host, labels), host).toBe(200);
  for (const host of ['evil.example', 'evil.example:9090', '127.0.0.1.evil.example'])
    expect(await statusUnder(host, labels), host).toBe(403);
  const conf = readFileSync(path.join(dir, 'prometheus/gate.conf'), 'utf8');
  const [, own] = /https:\/\/(127\.0\.0\.1:\d+)/.exec(conf) ?? [];
  expect(await statusUnder('evil.example', `http://${own}/api/v1/labels`)).toBe(400);
  // As in a browser, the certificate is not accepted.
  await expect(fetch(`https://${own}/api/v1/labels`)).rejects.toThrow();
});

const number = async (expr: string) => (await prometheus.ask(expr))[0]?.value ?? 0;

test('no alert in normal operation; replicas are distinguished', async () => {
  await waitFor('requests are counted', async () => (await number('job:http_requests:rate10s')) > 10, seen);
  const ready = 'sum(replica_lifecycle_state{state="ready"})';
  await waitFor('replicas are ready', async () => (await number(ready)) === 3, seen);
  const up = (await prometheus.ask('up')).map(({ labels }) => labels.replica).sort();
  expect(up).toEqual(['replica-1', 'replica-2', 'replica-3']);
  // Some may have been pending before the first query.
  await waitFor('there is no alert', async () => (await prometheus.alerts()).length === 0, seen);
});

test('a Redis that is down raises alerts, also for its effects', async () => {
  await fleet.redis.kill();
  for (const { name } of await fleet.replicas()) await fires('StoreFailing', name);
  await fires('ErrorBudgetBurnsFast');
  await fires('ErrorBudgetBurnsSlow');
  await fleet.redis.start();
  await ends('StoreFailing');
  await ends('ErrorBudgetBurnsFast');
});

test('refused changes raise an alert', async () => {
  await fleet.scale(4, undefined, { PLAIN_CODE: 'on' });
  const { cookie } = await logIn('Everybody');
  // Only visits that meet in replica-4 conflict.
  const isRefused = async () => {
    const visits = Array.from({ length: 40 }, () => createVisitor(http, cookie).send('GET', '/profile'));
    return (await Promise.all(visits)).some(({ status }) => status === 409);
  };
  await waitFor('a change is refused', isRefused, seen);
  // Prometheus counts from its first look at the replica, which may come later.
  await fires('ConflictsRefused', undefined, isRefused);
  await fleet.scale(3);
});

test('a replica that cannot write its log raises an alert', async () => {
  await fleet.scale(4, undefined, { FULL_DISK: 'on' });
  await fires('LogLinesDropped', 'replica-4');
  await fleet.scale(3);
});

test('a replica that restarts repeatedly raises an alert', async () => {
  const startedAt = () => number('replica:process_start_time_seconds:max{replica="replica-3"}');
  for (let time = 0; time < 3; time++) {
    const before = await startedAt();
    await fleet.restart(3);
    await waitFor('the start is seen', async () => (await startedAt()) > before, seen);
  }
  await fires('ReplicaRestarts', 'replica-3');
  expect(await stateOf('ReplicaRestarts', 'replica-1')).toBeUndefined();
});

test('a killed replica raises an alert, and another if none is left', async () => {
  for (const number of [2, 1, 3]) await fleet.kill(number);
  await fires('NoReplicaReady');
  for (const number of [1, 3]) await fleet.restart(number);
  await fires('ReplicaDown', 'replica-2');
  await ends('ReplicaDown', 'replica-1');
  await ends('NoReplicaReady');
  expect(await stateOf('ReplicaDown', 'replica-2')).toBe('firing');
  await fleet.restart(2);
  await ends('ReplicaDown');
});

test('a replica that stops cleanly raises no alert', async () => {
  const start = Date.now();
  await fleet.scale(2);
  await waitFor('Prometheus forgets it', async () => (await number('count(up)')) === 2, seen);
  const seconds = Math.ceil((Date.now() - start) / 1000);
  const fired = `max_over_time(ALERTS{alertname="ReplicaDown", alertstate="firing"}[${seconds}s])`;
  expect(await prometheus.ask(fired)).toEqual([]);
});

test('every query of the dashboard has data', async () => {
  const questions = dashboardQueries().filter((query) => !needsExporter(query));
  expect(questions.length).toBeGreaterThan(30);
  const seconds = Math.ceil(performance.now() / 1000); // since before the fleet was started
  for (const { where, expr } of questions) {
    await waitFor(`${where}: ${expr}`, async () => (await prometheus.count(expr, seconds)) > 0, {
      ...seen,
      timeoutMs: 5000,
    });
  }
});

test('every rule has data, and evaluating all takes little time', async () => {
  const rules = await prometheus.rules();
  expect(rules.length).toBeGreaterThan(15);
  const seconds = Math.ceil(performance.now() / 1000);
  for (const { name, query, type, health } of rules) {
    expect(health, name).toBe('ok');
    const isOfContainers = name === 'replica:replica_lifecycle_state:lost5m' || name.startsWith('Redis');
    if (isOfContainers) continue; // prometheus.docker.test.ts
    const fired = `ALERTS{alertname="${name}", alertstate="firing"}`;
    const asked = type === 'alerting' ? [fired, query] : [withoutFallback(query)];
    for (const one of asked) expect(await prometheus.count(one, seconds), `${name}: ${one}`).toBeGreaterThan(0);
  }
  const figures = await (await fetch(`${prometheus.url}/metrics`)).text();
  const sum = (metric: string) =>
    [...figures.matchAll(new RegExp(`^${metric}(?:{.*})? (.*)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  const groups = figures.match(/^prometheus_rule_group_rules{/gm)?.length ?? 0;
  const rounds = sum('prometheus_rule_group_iterations_total') / groups;
  expect(sum('prometheus_rule_group_duration_seconds_sum') / rounds).toBeLessThan(0.2);
});
