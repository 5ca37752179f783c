import { runDocker } from '../containers/docker.ts';
import { FleetError, type Machines, type RedisPart } from '../fleet.ts';
import { waitFor } from '../wait.ts';
import type { Node, Swarm } from './engines.ts';

/** A manager notices after 15 s that a machine is gone, and one that is back starts its tasks within some seconds. */
const completeMs = 120_000;
/** A replica that is drained gets 2 s by Swarm, and its own time after that. */
const drainedMs = 60_000;

/** The machine through which users come in: the last by name. @throws {FleetError} if none is ready */
export async function findEntrance(swarm: Swarm): Promise<Node> {
  const entrance = (await swarm.nodes()).findLast(({ state }) => state === 'ready');
  if (entrance) return entrance;
  throw new FleetError('no machine of the Swarm is ready: docker node ls');
}

/** Machines can be ended where they are containers of deploy/swarm/machines.yml, and drained everywhere. */
export function createMachines(swarm: Swarm, redis: RedisPart, env: NodeJS.ProcessEnv): Machines {
  /** What was done, until it is undone. */
  let [lost, drained]: (string | undefined)[] = [];

  /** Machines that may be missing, that of Redis's primary first. */
  async function candidates(): Promise<{ name: string; hasPrimary: boolean }[]> {
    const entrance = await findEntrance(swarm);
    const primary = await swarm.containerOf((await redis.primary?.()) ?? 'redis');
    const others = (await swarm.nodes()).filter(({ name, state }) => state === 'ready' && name !== entrance.name);
    return others
      .map(({ name }) => ({ name, hasPrimary: swarm.nodeOf(primary) === name }))
      .sort((a, b) => Number(b.hasPrimary) - Number(a.hasPrimary));
  }

  /** Resolves once every task runs, and all replicas of Redis follow. */
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
    // A machine that is back may reach the others only after half a minute: until then its server of Redis does not start.
    const follow = () => redis.start().then(() => true);
    await waitFor('not all replicas of Redis follow its primary', follow, { timeoutMs: completeMs });
  }

  return {
    async lose() {
      const [victim] = await candidates();
      if (!victim) throw new FleetError('the Swarm has no machine beside the one through which users come in');
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
      if (!victim)
        throw new FleetError('each machine has the primary of Redis or is the one through which users come in');
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
    `${machine} cannot be ended from here: only machines of deploy/swarm/machines.sh can. Pull its plug, and watch with --url`,
  );
}
