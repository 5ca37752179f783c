import { runDocker } from '../containers/docker.ts';
import { FleetError, type Machines, type RedisPart } from '../fleet.ts';
import { incomplete } from '../primary.ts';
import { waitFor } from '../wait.ts';
import type { Node, Swarm } from './engines.ts';

/** A machine that is back may take a minute to rejoin, until names on the others resolve there. */
const completeMs = 120_000;
const drainedMs = 60_000;

/** The node that users connect to: the last ready one by name. @throws {FleetError} if none is ready */
export async function findEntryNode(swarm: Swarm): Promise<Node> {
  const entry = (await swarm.nodes()).findLast(({ state }) => state === 'ready');
  if (entry) return entry;
  throw new FleetError('no machine of the Swarm is ready: docker node ls');
}

/** Every machine can be drained; only one that is a container of deploy/swarm/machines.yml can be killed. */
export function createMachines(swarm: Swarm, redis: RedisPart, env: NodeJS.ProcessEnv): Machines {
  /** The container that was killed, and the node that was drained. */
  let [lost, drained]: (string | undefined)[] = [];

  /** Machines that may be taken away, the one with the primary of Redis first. */
  async function candidates(): Promise<{ name: string; hasPrimary: boolean }[]> {
    const entry = await findEntryNode(swarm);
    const primary = await swarm.containerOf((await redis.primary?.()) ?? 'redis');
    const others = (await swarm.nodes()).filter(({ name, state }) => state === 'ready' && name !== entry.name);
    return others
      .map(({ name }) => ({ name, hasPrimary: swarm.nodeOf(primary) === name }))
      .sort((a, b) => Number(b.hasPrimary) - Number(a.hasPrimary));
  }

  /** Resolves once every task runs, and Redis is complete. */
  async function complete(): Promise<void> {
    const areRunning = async () => {
      const tasks = await swarm.tasks();
      return (
        tasks.length > 0 &&
        tasks.every(({ isRunning }) => isRunning) &&
        (await swarm.nodes()).every(({ state }) => state === 'ready')
      );
    };
    await waitFor(`not all tasks run: ${swarm.look}`, areRunning, { timeoutMs: completeMs, everyMs: 500 });
    const follow = () => redis.start().then(() => true);
    await waitFor(incomplete, follow, { timeoutMs: completeMs });
  }

  return {
    async lose() {
      const [victim] = await candidates();
      if (!victim) throw new FleetError('the Swarm has no other machine than the one that users connect to');
      const container = await containerOf(victim.name, env);
      lost = container;
      await runDocker(['kill', container], { env });
      await runDocker(['wait', container], { env });
      return `${victim.name} is gone${victim.hasPrimary ? ', and with it the primary of Redis' : ''}`;
    },
    async restore() {
      if (lost) await runDocker(['start', lost], { env });
      lost = undefined;
      await complete();
    },
    async drain() {
      const victim = (await candidates()).findLast(({ hasPrimary }) => !hasPrimary);
      if (!victim) throw new FleetError('each machine has the primary of Redis, or is the one that users connect to');
      drained = victim.name;
      await swarm.manage(['node', 'update', '--availability', 'drain', victim.name]);
      const isEmpty = async () => (await swarm.tasks()).every(({ node }) => node !== victim.name);
      await waitFor(`${victim.name} is not drained`, isEmpty, { timeoutMs: drainedMs, everyMs: 500 });
      return `${victim.name} is drained`;
    },
    async activate() {
      if (drained) await swarm.manage(['node', 'update', '--availability', 'active', drained]);
      drained = undefined;
      await complete();
    },
  };
}

/** The container that a machine is. @throws {FleetError} if it is none of deploy/swarm/machines.yml */
async function containerOf(machine: string, env: NodeJS.ProcessEnv): Promise<string> {
  const format = '{{.ID}} {{.Label "unsticky.machine"}}';
  const lines = await runDocker(['ps', '--all', '--filter', 'label=unsticky.machine', '--format', format], { env });
  const engines = (env.SWARM_ENGINES ?? '').split(',');
  for (const line of lines.split('\n')) {
    const [id = '', path = ''] = line.split(' ');
    if (path.endsWith(`/${machine}`) && engines.includes(`unix://${path}.sock`)) return id;
  }
  throw new FleetError(
    `${machine} cannot be killed from here: only machines of deploy/swarm/machines.sh can. Switch it off, and watch with --url`,
  );
}
