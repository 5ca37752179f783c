import { createComposeFleet, startComposeFleet } from './compose/fleet.ts';
import { composeWith } from './containers/redis.ts';
import { type Fleet, FleetError, type LogOptions, type RedisTopology } from './fleet.ts';
import { connectFleet, serveFleet } from './local/remote.ts';
import { type LocalOptions, startLocalFleet } from './local/fleet.ts';
import { type RunFleetOptions, withTemporaryFleet } from './local/temporary.ts';
import { writeLogs } from './logs.ts';
import { createSwarmFleet, startSwarmFleet } from './swarm/fleet.ts';

/** What runs the replicas. A new driver is one entry in `drivers` and a folder of its own. */
export interface Driver {
  /** The fleet lives as long as the process that started it. */
  isForeground: boolean;
  /** @returns the fleet that is up; undefined if none is @throws {FleetError} if that cannot be found out */
  find(place: Place): Promise<Fleet | undefined>;
  /** Starts a fleet that other processes can find. Resolves once it is ready. */
  start(options: StartOptions): Promise<StartedFleet>;
  /** Writes log lines of the parts; those of a local fleet can be read after it has ended. */
  logs(place: Place, options: LogOptions, write: (line: string) => void): Promise<void>;
  /**
   * Calls `use` with a fleet for one survival run, which may break it: a temporary local fleet, or the containers that are up.
   * @returns undefined if `ending` aborted before the fleet was up
   * @throws {FleetError} if the containers use another store
   */
  withRunFleet<T>(options: RunFleetOptions, ending: AbortSignal, use: UseFleet<T>): Promise<T | undefined>;
}

/** Where a fleet is. */
export interface Place {
  /** Folder of a local fleet's data and logs. */
  dir: string;
  /** The environment of the processes that are started. */
  env: NodeJS.ProcessEnv;
}

export type StartOptions = Omit<LocalOptions, 'settings' | 'breakableNetwork' | 'main' | 'maxLogBytes'>;

export interface StartedFleet {
  fleet: Fleet;
  /** Resolves once another process has ended the fleet; null if the fleet outlives the process that started it. */
  ended: Promise<void> | null;
}

/** `environment` describes the machine, for the history. */
export type UseFleet<T> = (fleet: Fleet, environment: Record<string, string>) => Promise<T>;

const local: Driver = {
  isForeground: true,
  find: ({ dir }) => connectFleet(dir),
  async start(options) {
    const fleet = await startLocalFleet(options);
    const { down } = await serveFleet(fleet, options.dir);
    return { fleet, ended: down };
  },
  async logs({ dir }, options, write) {
    const fleet = await connectFleet(dir).catch(() => undefined);
    const running = fleet && [...(await fleet.replicas()), ...(await fleet.parts()), { name: 'up' }];
    await writeLogs(
      `${dir}/logs`,
      options,
      write,
      running?.map(({ name }) => name),
    );
  },
  withRunFleet: (options, ending, use) =>
    withTemporaryFleet(options, ending, (fleet, _dir, environment) => use(fleet, environment)),
};

/** What containers that are up have in common: a run takes them as they are. */
function containersDriver(create: (env: NodeJS.ProcessEnv) => Fleet, start: Driver['start'], change: string): Driver {
  return {
    isForeground: false,
    async find({ env }) {
      const fleet = create(env);
      await fleet.describe();
      return fleet;
    },
    start(options) {
      requireNoTopology(options.redis);
      return start(options);
    },
    logs: ({ env }, options, write) => create(env).logs(options, write),
    async withRunFleet({ env, store, redis }, _ending, use) {
      requireNoTopology(redis);
      const fleet = create(env);
      const running = (await fleet.describe()).store;
      if (store === undefined || store === running) return use(fleet, {});
      const command = `SESSION_STORE=${store} ${change}`;
      throw new FleetError(`the containers use the ${running} store; to change it: ${command}`);
    },
  };
}

const compose = containersDriver(
  createComposeFleet,
  async ({ env, replicas, store, http, https, prometheus, report }) => {
    const ports = { http, https, ...(prometheus !== undefined && { prometheus }) };
    return { fleet: await startComposeFleet(env, replicas, store, ports, report), ended: null };
  },
  'docker compose up --detach --wait',
);

const swarm = containersDriver(
  createSwarmFleet,
  async ({ env, replicas, store, report }) => ({
    fleet: await startSwarmFleet(env, replicas, store, report),
    ended: null,
  }),
  'unsticky up --fleet swarm',
);

/** @throws {FleetError} that says what to do instead: the topology of containers is that of their files */
function requireNoTopology(redis: RedisTopology | undefined): void {
  if (redis === undefined || redis === 'single') return;
  throw new FleetError(`--redis is for a local fleet; for containers: ${composeWith(redis)}`);
}

export const drivers = { local, compose, swarm } satisfies Record<string, Driver>;

export type DriverName = keyof typeof drivers;

/** @throws {FleetError} if no fleet is up */
export async function openFleet(driver: DriverName, place: Place): Promise<Fleet> {
  const fleet = await drivers[driver].find(place);
  if (fleet) return fleet;
  const others = Object.keys(drivers).filter((name) => name !== driver) as DriverName[];
  for (const other of others) {
    if (!(await drivers[other].find(place).catch(() => undefined))) continue;
    throw new FleetError(`no ${driver} fleet is up, but a ${other} fleet is: add --fleet ${other}`);
  }
  throw new FleetError('no fleet is up: start one with "unsticky up --detach" or "unsticky demo"');
}
