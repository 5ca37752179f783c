import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FleetError, type LogOptions, type Part, type RedisPart } from '../fleet.ts';
import { createPrimaryPart } from '../primary.ts';
import { hasBothReplicas, redisReportOf } from '../probe-redis.ts';
import { waitFor } from '../wait.ts';
import { type Container, type Docker, findService, label, project, serviceOf } from './docker.ts';
import { describe } from './status.ts';

/**
 * A service of docker-compose.yml with one container. Asks the service itself whether it is back: Docker checks its health
 * only every two seconds.
 */
function createServicePart(docker: Docker, service: string, answers: () => Promise<boolean>): Part {
  const id = async () => (await docker.containerOf(service)).Id;
  const back = () => waitFor(`${service} does not answer`, answers, { timeoutMs: 30_000 });
  return {
    async kill(signal = 'SIGKILL') {
      await docker.run(['kill', '--signal', signal, await id()]);
      if (signal === 'SIGKILL') await docker.run(['wait', await id()]);
    },
    async start() {
      await docker.run(['start', await id()]);
      await back();
    },
    pause: async () => void (await docker.run(['pause', await id()])),
    resume: async () => void (await docker.run(['unpause', await id()])),
    async restart() {
      await docker.run(['restart', '--time', '8', await id()]);
      await back();
    },
  };
}

/** Any response shows that nginx is up, even if all replicas are down. */
export function createComposeNginx(docker: Docker): Part {
  return createServicePart(docker, 'nginx', async () => {
    const { http } = describe(await docker.containers());
    const { status } = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) });
    return status > 0;
  });
}

/** The users of deploy/redis/start.sh. */
const asMonitor = ['redis-cli', '--user', 'monitor'];
const asAdmin = 'REDISCLI_AUTH=$(cat /tmp/admin) exec redis-cli --user admin "$0" "$@"';

/** The services of deploy/redis/sentinel.yml, if they are up. */
const [sentinels, master] = [['sentinel-1', 'sentinel-2', 'sentinel-3'], 'unsticky'];
const asSentinel = ['redis-cli', '-p', '26379', 'sentinel'];

/** The command that starts them. */
export const withSentinels =
  'COMPOSE_FILE=docker-compose.yml:deploy/redis/sentinel.yml docker compose up --build --wait';

export function createComposeRedis(docker: Docker): RedisPart {
  /** Without sentinels, which have a name for it, it has none. */
  async function findPrimary(): Promise<{ container: Container; name?: string }> {
    const containers = await docker.containers();
    if (!findService(containers, 'sentinel-1')) return { container: serviceOf(containers, 'redis') };
    for (const sentinel of sentinels) {
      const { Id } = serviceOf(containers, sentinel);
      const ask = ['exec', Id, ...asSentinel, 'get-master-addr-by-name', master];
      const [address] = (await docker.run(ask).catch(() => '')).split('\n');
      const container = containers.find((one) => address && addressesOf(one).includes(address));
      if (container) return { container, name: serviceNameOf(container) };
    }
    throw new FleetError('no sentinel names a primary that is up: docker compose ps');
  }

  const command = async ({ Id }: Container, ...args: string[]) =>
    (await docker.run(['exec', Id, 'sh', '-c', asAdmin, '--no-raw', ...args])).trim();
  const pingOf = ({ Id }: Container, ms: number) =>
    measure(docker, ['exec', Id, 'timeout', String(ms / 1000), ...asMonitor, 'ping'], /^PONG/);
  const partOf = (service: string) =>
    createServicePart(docker, service, async () => (await pingOf(await docker.containerOf(service), 1000)) !== null);
  const servers = {
    primary: async () => serviceNameOf((await findPrimary()).container),
    partOf,
    async isComplete() {
      const { container, name } = await findPrimary();
      return !name || hasBothReplicas(await docker.run(['exec', container.Id, ...asMonitor, 'INFO', 'replication']));
    },
  };
  return {
    ...createPrimaryPart(servers),
    async primary() {
      const { name } = await findPrimary();
      if (!name) throw new FleetError(`this Redis has no replicas; with some, and sentinels: ${withSentinels}`);
      return name;
    },
    async failOver() {
      const { Id } = await docker.containerOf('sentinel-1');
      const reply = await docker.run(['exec', Id, ...asSentinel, 'failover', master]);
      if (reply.trim() !== 'OK') throw new FleetError(`the sentinel refused a failover: ${reply.trim()}`);
    },
    async isolatePrimary() {
      const containers = await docker.containers();
      const { container: own } = await findPrimary();
      // Of a cable that is cut it learns within min-replicas-max-lag; of these, at once.
      await command(own, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
      const others = containers.filter((one) => /^redis(-\d)?$/.test(serviceNameOf(one)) && one.Id !== own.Id);
      for (const other of others) await command(other, 'REPLICAOF', '127.0.0.1', '1');
    },
    ping: async (ms) => pingOf((await findPrimary()).container, ms),
    async report(ms) {
      const { container, name } = await findPrimary();
      const info = ['exec', container.Id, 'timeout', String(ms / 1000), ...asMonitor, 'INFO'];
      return docker.run(info).then(
        (text) => redisReportOf(text, name),
        () => null,
      );
    },
    async configure(parameter, value) {
      const { container } = await findPrimary();
      const former = await command(container, 'CONFIG', 'GET', parameter);
      const reply = await command(container, 'CONFIG', 'SET', parameter, value); // redis-cli exits with 0 even if Redis refuses
      if (reply !== 'OK') throw new FleetError(`redis: CONFIG SET ${parameter} ${value}: ${reply}`);
      return JSON.parse(/^2\) (".*")$/m.exec(former)?.[1] ?? '""') as string;
    },
  };
}

const serviceNameOf = ({ Config }: Container) => Config.Labels[`${label}.service`] as string;

function addressesOf({ NetworkSettings }: Container): string[] {
  return Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
}

/** @returns the milliseconds of a Docker command with this output; null if it fails or prints something else */
export async function measure(docker: Docker, command: string[], expected: RegExp): Promise<number | null> {
  const start = performance.now();
  const output = await docker.run(command).catch(() => '');
  return expected.test(output) ? performance.now() - start : null;
}

/** The last lines of all parts in the order of their times, then new ones. */
export async function writeComposeLogs(
  docker: Docker,
  { parts = [], lines, follow }: LogOptions,
  write: (line: string) => void,
): Promise<void> {
  const now = new Date().toISOString();
  const last = await docker.compose([...logs, '--timestamps', '--until', now, '--tail', String(lines), ...parts]);
  const timed = last.split('\n').flatMap((line) => (line === '' ? [] : splitTime(line)));
  for (const { line } of timed.sort((a, b) => (a.time < b.time ? -1 : 1))) write(line);
  if (follow) await followLogs(docker, ['--since', now, ...parts], write, follow);
}

const logs = ['logs', '--no-color'];

/** `part | 2026-01-31T12:00:00.123456789Z text`: times of one length. */
function splitTime(line: string): { time: string; line: string } {
  const [, part = '', time = '', text = ''] = /^([^|]*\| )(\S+) ?(.*)$/s.exec(line) ?? [];
  return { time, line: part + text };
}

async function followLogs({ env }: Docker, args: string[], write: (line: string) => void, ending: AbortSignal) {
  if (ending.aborted) return;
  // Runs in a process group of its own: Ctrl-C ends it through the signal, once the last lines have come.
  const command = ['compose', ...logs, '--follow', ...args];
  const child = spawn('docker', command, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => child.kill();
  ending.addEventListener('abort', stop);
  for await (const line of createInterface({ input: child.stdout })) write(line);
  ending.removeEventListener('abort', stop);
}
