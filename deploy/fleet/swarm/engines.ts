import {
  type Container,
  type Containers,
  findService,
  type Inspected,
  inspectContainers,
  replicasOf,
  runDocker,
} from '../containers/docker.ts';
import { followDocker } from '../containers/follow.ts';
import { FleetError } from '../fleet.ts';
import { pause } from '../wait.ts';

/** Managers that have lost their leader elect another within some seconds. */
const electionMs = 30_000;
/** An engine that does not answer is that of a machine that is lost. */
const engineMs = 5000;
const label = 'com.docker.swarm';

/** The containers of a stack on all machines whose engines can be reached from here. */
export interface Swarm extends Containers {
  /** Name of the stack: SWARM_STACK, or unsticky. */
  readonly stack: string;
  /** Runs `docker` on a manager that answers. @param input what it reads, such as a secret @throws {FleetError} */
  manage(args: string[], input?: string): Promise<string>;
  /** Writes what `docker logs` prints of a container, until that or `ending` ends it. */
  logs(container: Container, options: string[], write: (line: string) => void, ending?: AbortSignal): Promise<void>;
  /** The machines, by name. */
  nodes(): Promise<Node[]>;
  replicas(): Promise<Container[]>;
  /** What runs, or is to run, by the names of Swarm: unsticky_app.1. */
  tasks(): Promise<Task[]>;
  /** The name of the machine of a container. */
  nodeOf(container: Container): string | undefined;
}

export interface Node {
  name: string;
  /** Where other machines reach it. */
  address: string;
  /** Only a ready one has nginx and replicas. */
  state: 'ready' | 'drained' | 'gone';
}

interface Task {
  id: string;
  name: string;
  node: string;
  isRunning: boolean;
}

/**
 * @param env SWARM_ENGINES has the addresses of the engines, as `docker --host` takes them, separated by commas; without it
 * there is the engine that `docker` uses. The containers of other machines are not seen.
 */
export function createSwarm(env: NodeJS.ProcessEnv): Swarm {
  const hosts = (env.SWARM_ENGINES ?? '').split(',').filter((host) => host !== '');
  const engines: NodeJS.ProcessEnv[] = hosts.map((host) => ({ ...env, DOCKER_HOST: host }));
  if (engines.length === 0) engines.push(env);
  const stack = env.SWARM_STACK || 'unsticky';
  /** The engine of each container that was seen last, by its id. */
  let engineOf = new Map<string, NodeJS.ProcessEnv>();
  const nodeNames = new Map<string, string>();
  let manager = engines.at(-1) ?? env; // on the machine that faults leave alone (machines.ts)

  const nodeOf = ({ Config }: Pick<Container, 'Config'>) => nodeNames.get(Config.Labels[`${label}.node.id`] ?? '');

  const containersOn = (engine: NodeJS.ProcessEnv): Promise<Inspected[]> =>
    inspectContainers(
      (args) => runDocker(args, { env: engine, timeoutMs: engineMs }),
      `label=com.docker.stack.namespace=${stack}`,
    );

  const swarm: Swarm = {
    stack,
    look: `docker stack ps ${stack}`,
    async manage(args, input) {
      const deadline = performance.now() + electionMs;
      for (;;) {
        for (const engine of [manager, ...engines.filter((one) => one !== manager)]) {
          try {
            const output = await runDocker(args, { env: engine, ...(input !== undefined && { input }) });
            manager = engine;
            return output;
          } catch (err) {
            if (!isUnmanaged(err) || engines.length === 1 || performance.now() > deadline) throw explain(err, stack);
          }
        }
        await pause(500);
      }
    },
    logs: ({ Id }, options, write, ending) =>
      followDocker(['logs', ...options, Id], engineOf.get(Id) ?? env, write, { ending, errors: 'write' }),
    async nodes() {
      const ids = (await swarm.manage(['node', 'ls', '--quiet'])).trim().split('\n');
      const nodes = JSON.parse(await swarm.manage(['node', 'inspect', ...ids])) as RawNode[];
      for (const { ID, Description } of nodes) nodeNames.set(ID, Description.Hostname);
      return nodes.map(toNode).sort((a, b) => a.name.localeCompare(b.name));
    },
    async tasks() {
      const wanted = ['running', 'ready'].flatMap((state) => ['--filter', `desired-state=${state}`]);
      const lines = await swarm.manage(['stack', 'ps', stack, '--no-trunc', ...wanted, '--format', '{{json .}}']);
      return lines.split('\n').flatMap((line) => {
        if (line === '') return [];
        const { ID, Name, Node, CurrentState } = JSON.parse(line) as RawTask;
        return { id: ID, name: Name, node: Node, isRunning: CurrentState.startsWith('Running') };
      });
    },
    async containers() {
      if (nodeNames.size === 0) await swarm.nodes();
      const found = Promise.all(
        engines.map(async (engine) => ({ engine, containers: await containersOn(engine).catch(() => []) })),
      );
      const tasks = await swarm.tasks();
      const seen = (await found).flatMap(({ engine, containers }) => containers.map((one) => ({ engine, one })));
      engineOf = new Map(seen.map(({ engine, one }) => [one.Id, engine]));
      return containersOf(
        tasks,
        seen.map(({ one }) => one),
      ).map(([task, container]) => {
        const [service = '', slot] = task.slice(stack.length + 1).split('.');
        const number = Number(slot) || 1; // of nginx the slot is a machine
        const Name = `/${service}.${number}@${nodeOf(container)}`;
        return { ...container, Name, service, number, replica: container.Config.Hostname };
      });
    },
    replicas: async () => replicasOf(await swarm.containers()),
    async containerOf(service) {
      const found = findService(await swarm.containers(), service);
      if (found) return found;
      throw new FleetError(`${service} is not up, or runs where no engine of SWARM_ENGINES is: ${swarm.look}`);
    },
    runOn: ({ Id }, args) => runDocker(args, { env: engineOf.get(Id) ?? env }),
    async revive() {},
    restart: async (container) => void (await swarm.runOn(container, ['stop', '--time', '8', container.Id])),
    nodeOf,
  };
  return swarm;
}

/** The engine is gone, is not a manager, or its managers have no leader. */
function isUnmanaged(err: unknown): boolean {
  const lines = err instanceof FleetError ? err.logLines.join(' ') : '';
  return /cannot connect|not a swarm manager|does not have a leader|context deadline|connection refused|error during connect|Unavailable/i.test(
    lines,
  );
}

/** What to do, for what newcomers meet first. */
function explain(err: unknown, stack: string): unknown {
  const lines = err instanceof FleetError ? err.logLines.join(' ') : '';
  if (/not a swarm manager/i.test(lines))
    return new FleetError(
      'this Docker engine is not a manager of a Swarm: docs/scaling-out.md describes how to set one up, and how to try one',
    );
  if (/nothing found in stack/i.test(lines))
    return new FleetError(`the stack ${stack} is not up: run "unsticky up --fleet swarm"`);
  return err;
}

/** As `docker stack ps` prints it. */
type RawTask = Record<'ID' | 'Name' | 'Node' | 'CurrentState', string>;

interface RawNode {
  ID: string;
  Description: { Hostname: string };
  Spec: { Availability: string };
  Status: { State: string; Addr: string };
  ManagerStatus?: { Addr: string };
}

/** A leader gives 0.0.0.0 as its own address (seen with Docker 26.1). */
function toNode({ Description, Spec, Status, ManagerStatus }: RawNode): Node {
  const own = ManagerStatus?.Addr.replace(/:\d+$/, '');
  const address = Status.Addr === '0.0.0.0' && own ? own : Status.Addr;
  const state = Status.State !== 'ready' ? 'gone' : Spec.Availability === 'active' ? 'ready' : 'drained';
  return { name: Description.Hostname, address, state };
}

/**
 * The container of each task that is to run, by the task's name; as long as it has none, the newest of those that Swarm
 * replaces with it.
 */
function containersOf(tasks: Task[], found: Inspected[]): [string, Inspected][] {
  const byId = new Map(found.map((container) => [container.Config.Labels[`${label}.task.id`], container]));
  const byName = new Map<string, Inspected>();
  for (const container of found.sort((a, b) => (a.Created < b.Created ? -1 : 1)))
    byName.set((container.Config.Labels[`${label}.task.name`] ?? '').replace(/\.[^.]*$/, ''), container);
  const containers = new Map<string, Inspected>();
  for (const { id, name } of tasks) {
    const container = byId.get(id) ?? containers.get(name) ?? byName.get(name);
    if (container) containers.set(name, container);
  }
  return [...containers];
}
