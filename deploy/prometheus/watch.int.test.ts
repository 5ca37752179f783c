import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVisitor } from '../../src/testing.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { startTestFleet } from '../fleet/testing.ts';
import { waitFor } from '../fleet/wait.ts';
import { dashboardQueries, needsExporter, Prometheus } from './testing.ts';

// A fleet under load, on which everything happens that there is an alert for. What happens takes a moment to be seen.
const seen = { timeoutMs: 40_000, everyMs: 200 };
let fleet: Fleet;
let http: string;
let prometheus: Prometheus;
let end: () => Promise<void>;
let leaving = false;
let crowd: Promise<unknown>;

beforeAll(async () => {
  ({ fleet, http, end } = await startTestFleet({ prometheus: 0, links: true }));
  prometheus = new Prometheus((await fleet.describe()).prometheus ?? '');
  crowd = Promise.all(Array.from({ length: 4 }, (_, number) => shop(`Visitor ${number}`)));
});
afterAll(async () => {
  leaving = true;
  await crowd;
  await end();
});

/** Does whatever a visitor can do, again and again, whatever comes of it. */
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
    await visit().catch(() => {}); // nginx is there, but a connection may break
  }
}

async function stateOf(alertname: string, replica?: string): Promise<string | undefined> {
  const alerts = await prometheus.alerts();
  return alerts.find(({ labels }) => labels.alertname === alertname && (!replica || labels.replica === replica))?.state;
}

const fires = (name: string, replica?: string) =>
  waitFor(`${name} fires`, async () => (await stateOf(name, replica)) === 'firing', seen);
const ends = (name: string) => waitFor(`${name} is over`, async () => (await stateOf(name)) === undefined, seen);

const number = async (expr: string) => (await prometheus.ask(expr))[0]?.value ?? 0;

test('no alert while nothing happens; replicas are told apart', async () => {
  await waitFor('requests are counted', async () => (await number('job:http_requests:rate10s')) > 10, seen);
  await waitFor(
    'replicas are ready',
    async () => (await number('sum(replica_lifecycle_state{state="ready"})')) === 3,
    seen,
  );
  const up = (await prometheus.ask('up')).map(({ labels }) => labels.replica).sort();
  expect(up).toEqual(['replica-1', 'replica-2', 'replica-3']);
  await ends('NoReplicaReady'); // it may have been pending before the first look
  expect(await prometheus.alerts()).toEqual([]);
});

test('changes that are refused are told', async () => {
  const way = async (ms: number) => {
    for (const { number } of await fleet.replicas()) await fleet.links?.delay?.(number, ms);
  };
  const visitor = createVisitor(http);
  await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 });
  // Of many at once one is done a round trip, and there is time for few of those.
  await way(80);
  const add = () => visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 });
  await waitFor(
    'one is told 409',
    async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, add));
      return answers.some(({ status }) => status === 409);
    },
    seen,
  );
  await fires('ConflictsRefused');
  await way(0);
});

test('a Redis that is down is told, and what it costs', async () => {
  await fleet.redis.kill();
  for (const { name } of await fleet.replicas()) await fires('StoreFailing', name);
  await fires('ErrorBudgetBurnsFast');
  await fires('ErrorBudgetBurnsSlow');
  await fleet.redis.start();
  await ends('StoreFailing');
  await ends('ErrorBudgetBurnsFast');
});

test('a replica that is started again and again is told', async () => {
  const startedAt = () => number('replica:process_start_time_seconds:max{replica="replica-3"}');
  for (let time = 0; time < 3; time++) {
    const before = await startedAt();
    await fleet.restart(3);
    await waitFor('the start is seen', async () => (await startedAt()) > before, seen);
  }
  await fires('ReplicaRestarts', 'replica-3');
  expect(await stateOf('ReplicaRestarts', 'replica-1')).toBeUndefined();
});

test('a killed replica is told, and that none is left', async () => {
  await fleet.kill(2);
  await waitFor('it is pending', async () => (await stateOf('ReplicaDown', 'replica-2')) === 'pending', seen);
  await fires('ReplicaDown', 'replica-2');
  expect(await stateOf('ReplicaDown', 'replica-1')).toBeUndefined();
  await fleet.kill(1);
  await fleet.kill(3);
  await fires('NoReplicaReady');
  const alerts = await prometheus.alerts();
  for (const replica of [1, 2, 3]) await fleet.restart(replica);
  for (const { labels, annotations } of alerts) {
    for (const part of ['summary', 'description', 'action'])
      expect(annotations[part], `${labels.alertname}: ${part}`).toMatch(/^(?!.*(<error|<no value|NaN)).{20}/);
  }
  expect(alerts.find(({ labels }) => labels.replica === 'replica-2')?.annotations.summary).toBe('replica-2 is down');
  await ends('NoReplicaReady');
  await ends('ReplicaDown');
});

test('a replica that leaves in order is no alert', async () => {
  const start = Date.now();
  await fleet.scale(2);
  await waitFor('Prometheus forgets it', async () => (await number('count(up)')) === 2, seen);
  const seconds = Math.ceil((Date.now() - start) / 1000);
  const fired = `max_over_time(ALERTS{alertname="ReplicaDown", alertstate="firing"}[${seconds}s])`;
  expect(await prometheus.ask(fired)).toEqual([]);
});

test('every question of the dashboard has an answer', async () => {
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

test('every rule has, and they take little time', async () => {
  const rules = await prometheus.rules();
  expect(rules.length).toBeGreaterThan(15);
  for (const { name, query, type, health } of rules) {
    expect(health, name).toBe('ok');
    const asked = type === 'recording' ? name : `ALERTS{alertname="${name}", alertstate="firing"}`;
    const seconds = Math.ceil(performance.now() / 1000);
    expect(await prometheus.count(asked, seconds), `${name}: ${query}`).toBeGreaterThan(0);
    expect(await prometheus.count(query, seconds), `${name}: ${query}`).toBeGreaterThan(0);
  }
  const own = await (await fetch(`${prometheus.url}/metrics`)).text();
  const total = (metric: string) =>
    own.split('\n').reduce((sum, line) => (line.startsWith(`${metric} `) ? Number(line.split(' ')[1]) : sum), 0);
  const perRound =
    (total('prometheus_rule_evaluation_duration_seconds_sum') /
      total('prometheus_rule_evaluation_duration_seconds_count')) *
    rules.length;
  expect(perRound).toBeLessThan(0.2);
});
