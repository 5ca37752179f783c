import { findService, replicasOf } from '../containers/docker.ts';
import { createNginxPart } from '../containers/part.ts';
import { createContainerRedis } from '../containers/redis.ts';
import { storeOf, toPartStatus, toStatus } from '../containers/status.ts';
import { checkCount, type Description, type Fleet, FleetError, pickReplica, type Reporter } from '../fleet.ts';
import { servedBy, waitFor } from '../wait.ts';
import { createSwarm, type Swarm } from './engines.ts';
import { writeSwarmLogs } from './logs.ts';
import { createMachines, findEntryNode } from './machines.ts';
import { rotateSecret, updateReplicas } from './replicas.ts';

/** Swarm waits five seconds before it replaces a replica that has ended. */
const replacedMs = 60_000;
const startMs = 180_000;

/**
 * Drives the services of deploy/swarm/stack.yml on the machines of a Swarm. All state is Swarm's, which also starts again
 * what was killed: so a replica that is down does not stay down.
 * @throws {FleetError} from every method, if no manager answers or the stack is not there
 */
export function createSwarmFleet(env: NodeJS.ProcessEnv): Fleet {
  const swarm = createSwarm(env);
  const replica = async (number: number) => pickReplica(await swarm.replicas(), number);
  const signal = async (number: number, ...args: string[]) => {
    const container = await replica(number);
    await swarm.runOn(container, [...args, container.Id]);
    return container;
  };

  /** The nginx that users connect to. */
  async function entryNginx() {
    const { name } = await findEntryNode(swarm);
    const found = (await swarm.containers()).find((one) => one.service === 'nginx' && swarm.nodeOf(one) === name);
    if (!found) throw new FleetError(`nginx is not up on ${name}: ${swarm.look}`);
    return found;
  }

  async function whereNginxIs(): Promise<string> {
    const nodes = await swarm.nodes();
    const others = nodes.filter(({ state }) => state !== 'ready');
    if (others.length === 0) return `on ${nodes.length} machines`;
    const why = others.map(({ name, state }) => `${name} is ${state}`).join(', ');
    return `on ${nodes.length - others.length} of ${nodes.length} machines: ${why}`;
  }

  async function replaceAll(change: string[], report?: Reporter): Promise<void> {
    await updateReplicas(swarm, change);
    const names = (await swarm.replicas()).map(({ replica }) => replica);
    report?.(`started ${names.join(', ')}`);
    await servedBy((await fleet.describe()).http, names);
  }

  const redis = createContainerRedis(swarm);
  const fleet: Fleet = {
    driver: 'swarm',
    describe: () => describe(swarm, env),
    async replicas() {
      return replicasOf(await swarm.containers()).map((container) => toStatus(container, new Map()));
    },
    async parts() {
      const [containers, nginx] = [await swarm.containers(), await entryNginx()];
      const report = await redis.report(1000).catch(() => null);
      const primary = report?.primaries?.[0] ?? 'redis';
      const [server, prometheus] = [findService(containers, primary), findService(containers, 'prometheus')];
      return [
        { ...toPartStatus('nginx', nginx, null), facts: [await whereNginxIs()] },
        ...(server ? [toPartStatus('redis', server, report)] : []),
        ...(prometheus ? [toPartStatus('prometheus', prometheus, null)] : []),
      ];
    },
    async scale(count, report, settings = {}) {
      checkCount(count);
      if (Object.keys(settings).length > 0)
        throw new FleetError('the replicas of a Swarm all have the same settings: use deploy');
      await swarm.manage(['service', 'scale', '--detach=false', `${swarm.stack}_app=${count}`]);
      report?.(`there are ${count} replicas`);
    },
    async kill(number, name = 'SIGKILL') {
      const container = await signal(number, 'kill', '--signal', name);
      if (name === 'SIGKILL' || name === 'SIGTERM') await swarm.runOn(container, ['wait', container.Id]);
    },
    pause: async (number) => void (await signal(number, 'pause')),
    resume: async (number) => void (await signal(number, 'unpause')),
    async restart(number) {
      const old = await replica(number);
      if (old.State.Status === 'paused') await signal(number, 'unpause');
      if (old.State.Status !== 'exited') await swarm.restart(old);
      const isReplaced = async () => {
        const now = (await fleet.replicas()).find((one) => one.number === number);
        return now?.state === 'ready' && now.name !== old.replica;
      };
      await waitFor(`app-${number} is not ready`, isReplaced, { timeoutMs: replacedMs, everyMs: 200 });
    },
    roll: (report) => replaceAll(['--force'], report),
    deploy(settings, report) {
      const change = Object.entries(settings).flatMap(([name, value]) => ['--env-add', `${name}=${value}`]);
      return replaceAll(change, report);
    },
    rotateSecret: () => rotateSecret(swarm),
    logs: (options, write) => writeSwarmLogs(swarm, options, write),
    async down() {
      await swarm.manage(['stack', 'rm', swarm.stack]);
      const isGone = async () => (await swarm.tasks().catch(() => [])).length === 0;
      await waitFor(`${swarm.stack} is not gone`, isGone, { timeoutMs: replacedMs, everyMs: 500 });
    },
    redis,
    proxy: {
      ...createNginxPart({ ...swarm, containerOf: entryNginx }, async () => (await fleet.describe()).http),
      async reload() {
        const servers = (await swarm.containers()).filter(({ service }) => service === 'nginx');
        for (const one of servers) await swarm.runOn(one, ['kill', '--signal', 'HUP', one.Id]);
      },
    },
    machines: createMachines(swarm, redis, env),
    isUniform: true,
  };
  return fleet;
}

async function describe(swarm: Swarm, env: NodeJS.ProcessEnv): Promise<Description> {
  const { address } = await findEntryNode(swarm);
  const [app] = await swarm.replicas();
  if (!app) throw new FleetError('no replica is up: run "unsticky up --fleet swarm"');
  const imageOf = async (service: string) => (await swarm.containerOf(service)).Config.Image.replace(/@.*/, '');
  return {
    driver: 'swarm',
    store: storeOf(app),
    http: `http://${address}:${env.HTTP_PORT || 8080}`,
    https: `https://${address}:${env.HTTPS_PORT || 8443}`,
    versions: { nginx: await imageOf('nginx'), redis: await imageOf('redis').catch(() => 'unknown') },
  };
}

/** Without the variable SWARM_FILES, which is like COMPOSE_FILE. */
const usualFiles = 'deploy/swarm/stack.yml:deploy/swarm/encrypted.yml';

/** Deploys the stack. Resolves once users can log in. */
export async function startSwarmFleet(
  env: NodeJS.ProcessEnv,
  replicas: number,
  store: string,
  report?: Reporter,
): Promise<Fleet> {
  checkCount(replicas);
  const variables = { ...env, REPLICAS: String(replicas), SESSION_STORE: store };
  const swarm = createSwarm(variables);
  const files = (env.SWARM_FILES || usualFiles).split(':').flatMap((file) => ['--compose-file', file]);
  report?.(`docker stack deploy ${swarm.stack} …`);
  await swarm.manage([
    'stack',
    'deploy',
    '--resolve-image',
    env.SWARM_RESOLVE_IMAGE || 'always',
    '--prune',
    ...files,
    swarm.stack,
  ]);
  const fleet = createSwarmFleet(env);
  const isReady = async () => {
    const ready = (await fleet.replicas()).filter(({ state }) => state === 'ready');
    const { http } = await fleet.describe();
    const response = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) });
    return ready.length === replicas && response.ok;
  };
  await waitFor(`the stack is not ready: ${swarm.look}`, isReady, { timeoutMs: startMs, everyMs: 500 });
  return fleet;
}
