import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVisitor, until } from '../replica.ts';
import { render } from './manifests.js';
import { docker, startPods } from './pods.js';
import { find } from './rules.js';

// The containers of deploy/kubernetes/dev, with Docker: two replicas, nginx, and Redis with sentinels that know one another by name.

let pods;
let url;
const servers = ['redis-0', 'redis-1', 'redis-2'];

beforeAll(async () => {
  docker('build', '--quiet', '--tag', 'unsticky', '--file', 'deploy/Dockerfile', '.');
  pods = startPods(render('dev'));
  for (const server of servers) pods.start('StatefulSet', 'redis', server, [`${server}.redis`]);
  for (const replica of ['app-a', 'app-b']) pods.start('Deployment', 'app', replica, ['app.DOMAIN']);
  pods.start('Deployment', 'nginx', 'nginx-a', ['nginx'], [8080]);
  url = pods.address('nginx-a', 8080);
  await until(async () => (await createVisitor(url).send('POST', '/login', { name: 'Ada' })).status === 200);
});
afterAll(() => pods?.end());

/** As this sentinel names it: by name, because addresses change. */
const primaryBy = (pod) =>
  pods
    .exec(pod, 'sentinel', 'redis-cli', '-p', '26379', 'sentinel', 'get-master-addr-by-name', 'unsticky')
    .split('\n')[0];
const isKnown = (pod) =>
  /num-slaves\n2\n[\s\S]*num-other-sentinels\n2\n/.test(
    pods.exec(pod, 'sentinel', 'redis-cli', '-p', '26379', 'sentinel', 'master', 'unsticky'),
  );

test('sessions survive a pod of Redis that is lost, and its return', async () => {
  await until(() => servers.every(isKnown));
  const visitors = Array.from({ length: 10 }, () => createVisitor(url));
  for (const [number, visitor] of visitors.entries()) {
    expect((await visitor.send('POST', '/login', { name: `User ${number}` })).status).toBe(200);
    expect((await visitor.send('POST', '/cart/items', { sku: `item-${number}`, quantity: 1 })).status).toBe(201);
  }
  const first = primaryBy('redis-0');
  expect(first).toMatch(/^redis-\d\.redis$/);
  const lost = first.split('.')[0];
  const others = servers.filter((server) => server !== lost);
  pods.kill(lost);
  await until(() => others.every((server) => primaryBy(server) !== first));
  await until(async () => (await createVisitor(url).send('POST', '/login', { name: 'Ada' })).status === 200);
  pods.revive(lost);
  await until(() => primaryBy(lost) === primaryBy(others[0]));
  const info = () => pods.exec(lost, 'redis', 'redis-cli', '--user', 'monitor', 'info', 'replication');
  await until(() => /role:slave[\s\S]*master_link_status:up/.test(info()));
  for (const [number, visitor] of visitors.entries()) {
    expect((await visitor.send('GET', '/profile')).body.user.name).toBe(`User ${number}`);
    expect((await visitor.send('GET', '/cart')).body.items).toEqual([{ sku: `item-${number}`, quantity: 1 }]);
  }
});

test('all pods of Redis that end at once come back with their data, whichever was the primary', async () => {
  const visitor = createVisitor(url);
  expect((await visitor.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  const before = primaryBy('redis-1');
  for (const server of servers) pods.kill(server);
  for (const server of servers) pods.revive(server);
  await until(async () => (await createVisitor(url).send('POST', '/login', { name: 'Eve' })).status === 200);
  expect(servers.map(primaryBy)).toEqual([before, before, before]);
  expect((await visitor.send('GET', '/profile')).body.user.name).toBe('Ada');
});

test('nginx uses all replicas, and continues with those that are left', async () => {
  const serving = async () => {
    const names = await Promise.all(Array.from({ length: 20 }, () => createVisitor(url).send('GET', '/whoami')));
    return new Set(names.map(({ status, headers }) => (status === 200 ? headers.get('x-served-by') : status)));
  };
  expect(await serving()).toEqual(new Set(['app-a', 'app-b']));
  pods.kill('app-a');
  expect(await serving()).toEqual(new Set(['app-b']));
});

test('production sends plain HTTP to TLS, and takes a visitor’s address from the gateway alone', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-tls-'));
  execFileSync('sh', ['nginx/certificate.sh', folder]);
  const secret = (name, data) => ({ kind: 'Secret', metadata: { name }, data });
  const encoded = (text) => Buffer.from(text).toString('base64');
  const objects = [
    ...render('production'),
    secret(
      'unsticky-tls',
      Object.fromEntries(['tls.crt', 'tls.key'].map((file) => [file, encoded(readFileSync(path.join(folder, file)))])),
    ),
    secret('unsticky', {
      'session-secrets': encoded('f3q8ZkT1xW7pLr0vBn5cMj2yHd9sAg4e'),
      'redis-url': encoded('redis://app:f3q8ZkT1@redis:6379'),
    }),
  ];
  find(objects, 'ConfigMap', pod(objects, 'nginx').containers[0].envFrom[0].configMapRef.name).data.GATEWAY_NETWORKS =
    '172.16.0.0/12';
  const production = startPods(objects);
  try {
    production.start('Deployment', 'app', 'app-p', ['app.DOMAIN']);
    production.start('Deployment', 'nginx', 'nginx-p', ['nginx'], [8080, 8443]);
    const http = production.address('nginx-p', 8080);
    const answer = await until(() => fetch(`${http}/profile`, { redirect: 'manual' }));
    expect([answer.status, answer.headers.get('location')]).toEqual([308, 'https://127.0.0.1:443/profile']);
    const { port } = new URL(production.address('nginx-p', 8443));
    const ask = (address) => curl(`https://127.0.0.1:${port}/whoami`, '--header', `X-Forwarded-For: ${address}`);
    await until(() => ask('192.0.2.1').includes('"replica":"app-p"'));
    // One address gets 429 beyond its rate, whatever another one takes.
    const codes = (address) =>
      curl(
        `https://127.0.0.1:${port}/whoami?[1-900]`,
        '--header',
        `X-Forwarded-For: ${address}`,
        '--parallel',
        '--write-out',
        '%{http_code} ',
        '--output',
        '/dev/null',
      );
    expect(codes('192.0.2.2')).toContain('429');
    expect(ask('192.0.2.3')).toContain('"replica":"app-p"');
  } finally {
    production.end();
    rmSync(folder, { recursive: true });
  }
});

const pod = (objects, name) => find(objects, 'Deployment', name).spec.template.spec;
const curl = (...args) =>
  execFileSync('curl', ['--silent', '--no-progress-meter', '--insecure', ...args], { encoding: 'utf8' });
