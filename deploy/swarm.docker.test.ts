import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../load/report/json.ts';
import { settings } from '../src/config.ts';
import { startCommand } from '../test/fleet.ts';
import { createVisitor } from '../test/replica.ts';
import type { Fleet } from './fleet/fleet.ts';
import { createSwarmFleet } from './fleet/swarm/fleet.ts';
import { waitFor } from './fleet/wait.ts';

// deploy/swarm/stack.yml, and the stack on three machines, each an engine in a container.

const docker = (...args: string[]) => execFileSync('docker', args, { stdio: 'pipe', encoding: 'utf8' });

describe('stack.yml', () => {
  interface Service {
    image: string;
    environment?: Record<string, string>;
    ports?: unknown[];
    healthcheck?: unknown;
    read_only?: boolean;
    cap_drop?: string[];
    configs?: { source: string; target: string }[];
    deploy: {
      endpoint_mode?: string;
      update_config?: { order: string; failure_action: string };
      resources: { limits: { cpus?: string; memory?: string; pids?: number } };
    };
  }
  interface Configuration {
    services: Record<string, Service>;
    networks: Record<string, { internal?: boolean; driver_opts?: Record<string, string> }>;
    configs: Record<string, { file: string }>;
  }
  const files = ['deploy/swarm/stack.yml', 'deploy/swarm/encrypted.yml'];
  const read = (args: string[], env = {}) =>
    JSON.parse(
      execFileSync('docker', ['compose', ...args, 'config', '--format', 'json'], {
        stdio: 'pipe',
        encoding: 'utf8',
        env: { ...process.env, ...env },
      }),
    ) as Configuration;
  const stack = read(files.flatMap((file) => ['--file', file]));
  const compose = read([]);
  const services = Object.entries(stack.services);

  test.each(services)('%s has bounds, drops capabilities, and writes only to its volumes', (_name, service) => {
    const { cpus, memory, pids } = service.deploy.resources.limits;
    expect(Math.min(Number(cpus), Number(memory), Number(pids))).toBeGreaterThan(0);
    expect({ readOnly: service.read_only, drop: service.cap_drop }).toEqual({ readOnly: true, drop: ['ALL'] });
    expect(service.deploy.endpoint_mode).toBe('dnsrr');
  });

  test('only nginx is published; Redis is where nothing leads out, and what passes between machines is encrypted', () => {
    expect(services.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['nginx']);
    expect(stack.networks.back?.internal).toBe(true);
    for (const { driver_opts } of Object.values(stack.networks)) expect(driver_opts).toEqual({ encrypted: 'true' });
  });

  test('an update starts first, and goes back if it fails', () => {
    expect(stack.services.app?.deploy.update_config).toMatchObject({
      order: 'start-first',
      failure_action: 'rollback',
    });
  });

  test('servers of Redis and sentinels, which look for one another, have a name before they are healthy', () => {
    const asked = services.filter(([name]) => /^(redis|sentinel)/.test(name));
    expect(asked.filter(([, { healthcheck }]) => healthcheck).map(([name]) => name)).toEqual([]);
  });

  test('the app gets settings that it knows, and each that Compose passes and that suits a Swarm', () => {
    const known = new Set<string>(Object.values(settings).flatMap(([name]) => [name, `${name}_FILE`]));
    const passed = Object.keys(stack.services.app?.environment ?? {});
    expect(passed.filter((name) => !known.has(name))).toEqual([]);
    // Node's own; secrets are files; sentinels have no TLS here; it is no Cluster.
    const unsuitable = ['NODE_OPTIONS', 'SESSION_SECRETS', 'REDIS_SENTINEL_URL_FILE', 'REDIS_CLUSTER'];
    const wanted = Object.keys(compose.services.app?.environment ?? {}).filter((name) => !unsuitable.includes(name));
    expect(wanted.filter((name) => !passed.includes(name))).toEqual([]);
  });

  test('nginx, Redis and Prometheus read all files that they read elsewhere', () => {
    const given = Object.values(stack.configs).map(({ file }) => path.relative('.', file));
    const read = ['nginx/**/*.conf', 'nginx/{mode,remove-socket}.sh', 'deploy/redis/{redis.conf,start.sh,sentinel.sh}'];
    const rules = ['deploy/prometheus/containers.yml', 'deploy/prometheus/rules.yml', 'deploy/redis/exporters.yml'];
    expect(given.toSorted()).toEqual([...globSync(read), ...rules].toSorted());
    const mounted = services.flatMap(([, { configs = [] }]) => configs.map(({ source }) => source));
    expect([...new Set(mounted)].toSorted()).toEqual(Object.keys(stack.configs).toSorted());
    for (const { source, target } of stack.services.nginx?.configs ?? [])
      if (target.startsWith('/etc/nginx/unsticky/'))
        expect(path.relative('nginx', stack.configs[source]?.file ?? '')).toBe(
          path.relative('/etc/nginx/unsticky', target),
        );
  });

  test('images are those of Compose, and each can be pinned to a digest', () => {
    const images = ({ services }: Configuration) => new Set(Object.values(services).map(({ image }) => image));
    expect([...images(stack)].filter((image) => !images(compose).has(image))).toEqual([]);
    const digest = `example/image@sha256:${'0'.repeat(64)}`;
    const names = ['APP', 'NGINX', 'REDIS', 'PROMETHEUS', 'NGINX_EXPORTER', 'REDIS_EXPORTER'];
    const pinned = Object.fromEntries(names.map((name) => [`${name}_IMAGE`, digest]));
    expect([
      ...images(
        read(
          files.flatMap((file) => ['--file', file]),
          pinned,
        ),
      ),
    ]).toEqual([digest]);
  });
});

test('an engine that is in no Swarm is a one-line error that says what to read', async () => {
  const { exited, out } = startCommand(['status', '--fleet', 'swarm'], { ...process.env, SWARM_ENGINES: '' });
  expect(await exited).toBe(1);
  expect(out()).toBe(
    'unsticky: this Docker engine is not a manager of a Swarm: docs/scaling-out.md describes how to set one up, and how to try one\n',
  );
});

describe('on three machines', () => {
  const dir = mkdtempSync('/tmp/unsticky-machines-');
  const data = mkdtempSync('/dev/shm/unsticky-machines-');
  const machines = (command: string) => execFileSync('sh', ['deploy/swarm/machines.sh', command], { stdio: 'pipe' });
  let fleet: Fleet;

  const engineOf = (machine: number) => ['--host', `unix://${dir}/engines/machine-${machine}.sock`];

  /** What the sentinel of each machine says of the others. */
  const quorum = () =>
    [1, 2, 3].map((machine) => {
      const engine = engineOf(machine);
      const id = docker(...engine, 'ps', '--quiet', '--filter', 'name=unsticky_sentinel').trim();
      const ask = ['redis-cli', '-p', '26379', 'sentinel', 'ckquorum', 'unsticky'];
      return docker(...engine, 'exec', id, ...ask);
    });

  async function unsticky(...args: string[]): Promise<string> {
    const { exited, out } = startCommand(args);
    const code = await exited;
    if (code !== 0) throw new Error(`unsticky ${args.join(' ')} exited with ${code}:\n${out()}`);
    return out();
  }

  beforeAll(async () => {
    // Beside machines that may be up.
    Object.assign(process.env, { COMPOSE_PROJECT_NAME: 'unsticky-machines-test', MACHINES_NETWORK: '172.16.179' });
    Object.assign(process.env, { MACHINES_DIR: path.join(dir, 'engines'), MACHINES_DATA: path.join(data, 'data') });
    machines('up');
    const lines = readFileSync(path.join(dir, 'engines', 'env'), 'utf8').matchAll(/(\w+)='?([^ '\n]+)/g);
    for (const [, name = '', value] of lines) process.env[name] = value;
    await expect(unsticky('status', '--fleet', 'swarm')).rejects.toThrow('the stack unsticky is not up');
    await unsticky('up', '--fleet', 'swarm');
    fleet = createSwarmFleet(process.env);
  });
  afterAll(() => {
    if (existsSync(path.join(dir, 'engines'))) machines('down');
    for (const folder of [dir, data]) rmSync(folder, { recursive: true, force: true });
  });

  test('a replica and a server of Redis is on each machine, and every machine is an entrance', async () => {
    const replicas = await fleet.replicas();
    expect(replicas.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
    const machineOf = (runsAs: string) => runsAs.split('@')[1];
    expect(new Set(replicas.map(({ runsAs }) => machineOf(runsAs))).size).toBe(3);
    const user = createVisitor((await fleet.describe()).http);
    expect((await user.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
    for (const machine of [11, 12, 13]) {
      const visitor = createVisitor(`http://172.16.179.${machine}:8080`, user.cookie);
      expect((await visitor.send('GET', '/profile')).body.user.name).toBe('Ada');
    }
    expect((await fleet.parts()).find(({ name }) => name === 'nginx')?.facts).toEqual(['on 3 machines']);
    expect((await fleet.redis.report(2000))?.facts.join()).toMatch(/is the primary,2 Redis replicas follow/);
  });

  test('a new version that does not start is rolled back', async () => {
    const before = (await fleet.replicas()).map(({ name }) => name);
    await expect(fleet.deploy({ SESSION_MAX_BYTES: 'many' })).rejects.toThrow('Swarm rolled back');
    expect((await fleet.replicas()).map(({ name }) => name)).toEqual(before);
  });

  test('settings for one replica alone, and a service that is not there, are refused with a word', async () => {
    await expect(fleet.scale(4, undefined, { APP_VERSION: '2' })).rejects.toThrow('the same settings: use deploy');
    await expect(fleet.logs({ parts: ['cart'], lines: 1 }, () => {})).rejects.toThrow('there is no service cart');
  });

  test('logs of all machines have no secret, and Prometheus sees each replica, nginx and server of Redis', async () => {
    const lines: string[] = [];
    await fleet.logs({ parts: ['app', 'nginx'], lines: 200 }, (line) => lines.push(line));
    for (const machine of [1, 2, 3]) expect(lines.join('\n')).toContain(`@machine-${machine} | {`);
    expect(lines.filter((line) => /sid=|redis:\/\//.test(line))).toEqual([]);
    const containers = [1, 2, 3].map((machine) => {
      const engine = engineOf(machine);
      return { engine, id: docker(...engine, 'ps', '--quiet', '--filter', 'name=unsticky_prometheus').trim() };
    });
    const { engine, id } = containers.find((one) => one.id !== '') ?? { engine: [], id: '' };
    const query = 'count by (job) (up == 1)';
    const seen = () => docker(...engine, 'exec', id, 'promtool', 'query', 'instant', 'http://127.0.0.1:9090', query);
    const areAll = async () => ['nginx', 'redis', 'replicas'].every((job) => seen().includes(`{job="${job}"} => 3 `));
    await waitFor('all are seen', areAll, { timeoutMs: 30_000, everyMs: 500 });
  });

  test('a machine that is drained by hand is named, and users are sent to another one', async () => {
    const { http } = await fleet.describe();
    const machine = (availability: string) =>
      docker(...engineOf(1), 'node', 'update', '--availability', availability, 'machine-3');
    machine('drain');
    expect((await fleet.describe()).http).not.toBe(http);
    const where = async () => (await fleet.parts()).find(({ name }) => name === 'nginx')?.facts.join();
    expect(await where()).toBe('on 2 of 3 machines: machine-3 is drained');
    // Until it has ended, it would be taken for the one that comes back.
    const hasEnded = async () =>
      docker(...engineOf(3), 'ps', '--quiet', '--filter', 'name=unsticky_nginx').trim() === '';
    await waitFor('nginx ends there', hasEnded, { timeoutMs: 60_000, everyMs: 100 });
    machine('active');
    const isBack = async () => (await fleet.parts()).every(({ state }) => state === 'ready');
    await waitFor('nginx is back on machine-3', isBack, { timeoutMs: 60_000, everyMs: 500 });
    await fleet.machines?.activate(); // waits until all that runs there is back
    expect(quorum()).toEqual([1, 2, 3].map(() => expect.stringMatching(/^OK 3 usable Sentinels/)));
    expect((await fleet.describe()).http).toBe(http);
  });

  test('sessions survive a machine that is lost, one that is drained, and a rolling update', async () => {
    const args = ['--fleet', 'swarm', '--plan', 'machines', '--quick', '--users', '30', '--rate', '50', '--json'];
    const { exited, out } = startCommand(['survive', ...args, '--background', '0', '--report', dir]);
    const code = await exited;
    expect(out()).toMatch(/^\s*\{/); // else it says why it could not begin
    const report = JSON.parse(out()) as Report;
    const { verdict, reasons, checks } = report;
    const violations = checks.flatMap((check) => check.violations.map(({ summary }) => summary));
    if (code !== 0) {
      const noteTimeout = (line: string) => line.includes('"status":504') && violations.push(line);
      await fleet.logs({ parts: ['nginx'], lines: 20_000 }, noteTimeout);
    }
    expect({ code, verdict, reasons, violations }).toEqual({ code: 0, verdict: 'pass', reasons: [], violations: [] });
    expect(report.faults).toHaveLength(3);
    expect(report.checks.find(({ name }) => name === 'access-log-mismatch')?.checked).toBe(report.requests.total);
  });
});
