import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectFleet } from '../fleet/local/remote.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { pause } from '../fleet/wait.ts';
import { commandOf, descendantsOf, makeDir, startCommand } from '../../test/fleet.ts';
import { connectViewer, openRoom, sendAction, startServedFleet, type Viewer } from '../../test/control-room.ts';
import type { Button } from './protocol.ts';
import { noUsers, type RoomUsers } from './users.ts';

const patience = { timeout: 15_000 };

type Room = Awaited<ReturnType<typeof openRoom>>;

async function open(options: Parameters<typeof openRoom>[0]): Promise<Room> {
  const room = await openRoom(options);
  onTestFinished(() => room.close());
  return room;
}

/** Resolves once the viewer has received both replicas. */
async function view(room: Room): Promise<Viewer> {
  const viewer = await connectViewer(room);
  await expect.poll(() => viewer.view?.replicas.length, patience).toBe(2);
  return viewer;
}

const stateOf = (viewer: Viewer, number: number) =>
  viewer.view?.replicas.find((replica) => replica.number === number)?.state;

function buttonOf(viewer: Viewer, action: string, replica?: number): Button | undefined {
  const { view } = viewer;
  const groups = [view?.all, view?.redis.buttons, view?.nginx.buttons, view?.stores.map(({ button }) => button)];
  const buttons = [...groups, ...(view?.replicas.map(({ buttons }) => buttons) ?? []), view && [view.users.button]];
  return buttons.flatMap((list) => list ?? []).find((button) => button.action === action && button.replica === replica);
}

describe('over a fleet of two', () => {
  let fleet: Awaited<ReturnType<typeof startServedFleet>>;
  beforeAll(async () => {
    fleet = await startServedFleet({ prometheus: 0 });
  });
  afterEach(async () => {
    for (const { number, state } of await fleet.fleet.replicas())
      if (state !== 'ready') await fleet.fleet.restart(number);
  });
  afterAll(() => fleet?.end());

  test('a killed replica is shown as down, is started again, and both are logged', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    expect(await sendAction(room, 'kill', 2)).toEqual({ status: 202, reason: undefined });
    await expect.poll(() => stateOf(viewer, 2), patience).toBe('down');
    expect(viewer.view?.headline.text).toMatch(/^replica-2 is down/);
    expect(buttonOf(viewer, 'kill', 2)?.disabledReason).toBe('replica-2 is down');
    expect((await sendAction(room, 'kill', 2)).reason).toBe('replica-2 is down');
    await sendAction(room, 'start', 2);
    await expect.poll(() => stateOf(viewer, 2), patience).toBe('ready');
    await expect.poll(() => viewer.log().join(), patience).toMatch(/Started replica-2/);
    expect(viewer.log().join()).toMatch(/Killed replica-2 .*replica-2 is down.*replica-2 is ready/s);
    await expect.poll(() => viewer.view?.replicas[1]?.restarts, patience).toBe(1);
  });

  test('an answer about the replicas that comes late, as from Docker, is shown as it comes', async () => {
    const connected = await fleet.connect();
    let knownAt = 0;
    const replicas = async () => {
      const found = await connected.replicas();
      await pause(450); // longer than an update waits
      if (found[1]?.state === 'down') knownAt ||= performance.now();
      return found;
    };
    const room = await open({ fleet: { ...connected, replicas } });
    const viewer = await view(room);
    await sendAction(room, 'kill', 2);
    await expect.poll(() => stateOf(viewer, 2), { ...patience, interval: 10 }).toBe('down');
    expect(performance.now() - knownAt).toBeLessThan(300); // the next second begins 550 ms later
  });

  test('a kill from outside is marked on the timeline, and an action of the room is marked once', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    const marks = () => [...viewer.marks.values()].map(({ name, kind }) => `${kind}: ${name}`);
    await fleet.fleet.kill(1);
    await expect.poll(marks, patience).toEqual(['replica: replica-1 lost']);
    await fleet.fleet.restart(1);
    const other = await open({ fleet: await fleet.connect() });
    const here = await view(other);
    await sendAction(other, 'kill', 2);
    await expect.poll(() => stateOf(here, 2), patience).toBe('down');
    await expect.poll(() => here.log().join(), patience).toMatch('replica-2 is down');
    expect([...here.marks.values()].map(({ name }) => name)).toEqual(['kill replica-2']);
  });

  test('a replica is stopped, Redis is restarted, nginx is reloaded', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    for (const [action, replica, words] of [
      ['stop', 2, /Stopped replica-2/],
      ['start', 2, /Started replica-2/],
      ['redis-restart', undefined, /Restarted Redis/],
      ['nginx-reload', undefined, /Reloaded nginx/],
      ['nginx-kill', undefined, /Killed nginx.*nginx does not answer|nginx does not answer.*Killed nginx/s],
      ['nginx-start', undefined, /Started nginx/],
    ] as const) {
      await expect.poll(() => buttonOf(viewer, action, replica)?.disabledReason ?? 'free', patience).toBe('free');
      expect(await sendAction(room, action, replica)).toEqual({ status: 202, reason: undefined });
      await expect.poll(() => viewer.log().join(), patience).toMatch(words);
    }
  });

  test('each replica under load has latency, requests per second and in flight, and uptime', async () => {
    const { http } = await fleet.fleet.describe();
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    const replicas = async () => {
      for (let sent = 0; sent < 20; sent++) await fetch(`${http}/whoami`);
      return viewer.view?.replicas;
    };
    const measured = { p50: expect.any(Number), p99: expect.any(Number), inFlight: expect.any(Number) };
    const known = { ...measured, perSecond: expect.toSatisfy((rate) => rate > 0), since: expect.any(Number) };
    await expect.poll(replicas, patience).toMatchObject([known, known]);
    for (const { p50, p99 } of viewer.view?.replicas ?? []) expect(p99).toBeGreaterThanOrEqual(p50 as number);
  });

  test('an action that is running is refused with a reason in every window and not run twice', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const [here, there] = [await view(room), await view(room)];
    const since = here.view?.replicas.map(({ since }) => since);
    const answers = await Promise.all([sendAction(room, 'roll'), sendAction(room, 'roll')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(answers.find(({ status }) => status === 409)?.reason).toMatch(
      /^Restarting all replicas.* is still running$/,
    );
    await expect.poll(() => buttonOf(there, 'roll')?.isBusy, patience).toBe(true);
    expect(buttonOf(there, 'add')?.disabledReason).toMatch(/^Restarting all replicas/);
    expect(buttonOf(there, 'restart', 1)?.disabledReason).toMatch(/^Restarting all replicas/);
    await expect.poll(() => here.log().join(), patience).toMatch(/Restarted all replicas/);
    expect(here.log().filter((text) => text.includes('all replicas'))).toHaveLength(1);
    await expect.poll(() => buttonOf(there, 'roll')?.disabledReason, patience).toBeUndefined();
    expect(here.view?.replicas.map(({ since }) => since)).not.toEqual(since);
  });

  test('of two rooms over one fleet, the second logs that the action is under way', async () => {
    const rooms = [await open({ fleet: await fleet.connect() }), await open({ fleet: await fleet.connect() })] as const;
    const viewers = [await view(rooms[0]), await view(rooms[1])] as const;
    await Promise.all(rooms.map((room) => sendAction(room, 'restart', 1)));
    const logs = () => viewers.flatMap((viewer) => viewer.log()).join('\n');
    await expect.poll(logs, patience).toMatch(/Restarted replica-1/);
    expect(logs()).toMatch('Could not restart replica-1: the restart of replica 1 is already under way');
    await expect.poll(() => viewers.map((viewer) => stateOf(viewer, 1)), patience).toEqual(['ready', 'ready']);
  });

  test('the last replica is not removed, and the button gives the reason', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    await sendAction(room, 'remove');
    await expect.poll(() => viewer.view?.replicas.length, patience).toBe(1);
    await expect.poll(() => buttonOf(viewer, 'remove')?.disabledReason, patience).toBe('this is the last replica');
    expect((await sendAction(room, 'remove')).reason).toBe('this is the last replica');
    await sendAction(room, 'add');
    await expect.poll(() => viewer.view?.replicas.length, patience).toBe(2);
  });

  test('the store is switched, and the room shows the new one as chosen', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    const chosen = () => viewer.view?.stores.find(({ isChosen }) => isChosen)?.name;
    expect(chosen()).toBe('durable');
    const headlines = new Set<string | undefined>();
    const watching = setInterval(() => headlines.add(viewer.view?.headline.text), 20);
    onTestFinished(() => clearInterval(watching));
    await sendAction(room, 'store-memory');
    await expect.poll(() => viewer.log().join(), patience).toMatch(/Switched to the memory store/);
    await expect.poll(chosen, patience).toBe('memory');
    // How far it has come is looked at once a second: headline.test.ts counts.
    expect([...headlines].join('\n')).toMatch(/^Switching to the memory store: [012] of 2 replicas done\.$/m);
    expect([...headlines].join()).not.toMatch(/draining|starting|down/);
    await sendAction(room, 'store-durable');
    await expect.poll(() => viewer.log().join(), patience).toMatch(/Switched to the durable store/);
    await expect.poll(chosen, patience).toBe('durable');
  });

  test('Redis is paused and resumed, killed and started: each state is distinguished', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    const redis = () => viewer.view?.redis.state;
    for (const [action, state] of [
      ['redis-pause', 'hangs'],
      ['redis-resume', 'up'],
      ['redis-kill', 'down'],
      ['redis-start', 'up'],
    ] as const) {
      await expect.poll(() => buttonOf(viewer, action)?.disabledReason ?? 'free', patience).toBe('free');
      await sendAction(room, action);
      await expect.poll(redis, patience).toBe(state);
    }
    expect(viewer.log().join()).toMatch(/Redis does not answer.*Redis answers again/s);
  });

  test('without viewers the room looks every few seconds and logs what it sees; viewers share one look a second', async () => {
    let asked = 0;
    const real = await fleet.connect();
    const counting: Fleet = {
      ...real,
      replicas() {
        asked += 1;
        return real.replicas();
      },
    };
    const room = await open({ fleet: counting });
    await expect.poll(() => asked, patience).toBe(1);
    await real.restart(1);
    const restartedAt = Date.now();
    await expect.poll(() => asked, { ...patience, timeout: 15_000 }).toBe(2);
    const seenAt = Date.now();
    const viewers = await Promise.all([view(room), view(room), view(room)]);
    const restarted = () =>
      [...viewers[0].entries.values()].find(({ text }) => text.startsWith('replica-1 was restarted'));
    await expect.poll(restarted, patience).toBeDefined();
    expect(restarted()?.at).toBeGreaterThanOrEqual(restartedAt);
    expect(restarted()?.at).toBeLessThanOrEqual(seenAt + 500);
    const before = { asked, at: performance.now() };
    await expect.poll(() => asked, patience).toBeGreaterThan(before.asked + 3);
    const seconds = (performance.now() - before.at) / 1000;
    expect(asked - before.asked).toBeLessThan(seconds + 3);
    for (const viewer of viewers) viewer.leave();
    const isSeldom = async () => {
      const now = asked;
      await pause(3000);
      return asked - now <= 1;
    };
    await expect.poll(isSeldom, { ...patience, timeout: 20_000 }).toBe(true);
  });

  test('while a plan runs its users can be neither started nor stopped, and nothing can be broken beside it', async () => {
    const reserved = 'the demo runs its plan';
    const theirs: RoomUsers = {
      ...noUsers,
      status: () => ({ ...noUsers.status(), reserved, state: 'busy', users: 5 }),
    };
    const room = await open({ fleet: await fleet.connect(), users: theirs });
    const viewer = await view(room);
    for (const action of ['users-stop', 'redis-kill', 'store-plain', 'roll', 'nginx-reload'])
      expect((await sendAction(room, action)).reason).toBe(reserved);
    expect(buttonOf(viewer, 'users-stop')?.disabledReason).toBe(reserved);
    for (const action of ['kill', 'pause', 'restart'])
      expect(buttonOf(viewer, action, 1)?.disabledReason).toBe(reserved);
  });

  test('an action that the fleet does not support is disabled, with the reason', async () => {
    const { proxy, ...rest } = await fleet.connect();
    const room = await open({ fleet: rest as Fleet });
    const viewer = await view(room);
    expect(buttonOf(viewer, 'nginx-reload')?.disabledReason).toBe('not supported by the local fleet');
    expect((await sendAction(room, 'nginx-reload')).status).toBe(409);
    expect(proxy).toBeDefined();
  });

  test('without users the timeline is what the replicas measured, also before the first viewer', async () => {
    const { http } = await fleet.fleet.describe();
    const room = await open({ fleet: await fleet.connect() });
    const isRemembered = async () => {
      for (let sent = 0; sent < 20; sent++) await fetch(`${http}/whoami`);
      const viewer = await view(room);
      const fromReplicas = () => viewer.points.filter(({ by, requests }) => by === 'replicas' && (requests ?? 0) > 0);
      await expect.poll(() => viewer.points.length, patience).toBeGreaterThan(0);
      viewer.leave();
      return fromReplicas().length > 1;
    };
    await expect.poll(isRemembered, { timeout: 20_000 }).toBe(true);
  });

  test('without Prometheus the room says so, and everything that does not need it keeps working', async () => {
    const room = await open({ fleet: await fleet.connect() });
    const viewer = await view(room);
    const { http } = await fleet.fleet.describe();
    const prometheus = descendantsOf(process.pid).find((pid) => commandOf(pid).startsWith('prometheus')) as number;
    process.kill(prometheus, 'SIGKILL');
    const notices = () => viewer.view?.notices.map(({ text }) => text).join();
    await expect.poll(notices, patience).toMatch(/^Prometheus does not answer .*: latency .* unknown\.$/);
    await expect.poll(() => viewer.log().join(), patience).toMatch('Prometheus does not answer');
    const perSecond = async () => {
      await fetch(`${http}/whoami`);
      return viewer.view?.nginx.perSecond;
    };
    await expect.poll(perSecond, patience).toBeGreaterThan(0); // from the fleet's own counts
    expect(viewer.view?.replicas.map(({ p99, inFlight }) => p99 ?? inFlight)).toEqual([null, null]);
  });
});

test('a fleet that ends is reported, and a new one in its place is found', async () => {
  const { dir, remove } = makeDir();
  onTestFinished(remove);
  const up = async () => {
    const ports = ['--http', '0', '--https', '0', '--prometheus', '0'];
    const command = startCommand(['up', '-n', '2', '--dir', dir, ...ports]);
    onTestFinished(async () => void (command.child.kill('SIGTERM') && (await command.exited)));
    await expect.poll(() => command.out(), { timeout: 30_000 }).toMatch('ready:');
    return command;
  };
  const first = await up();
  const room = await open({ fleet: (await connectFleet(dir)) as Fleet });
  const viewer = await view(room);
  first.child.kill('SIGTERM');
  await expect.poll(() => viewer.view?.fleet, patience).toBeNull();
  expect(viewer.view?.headline.text).toBe('No fleet is up: start one with "unsticky up".');
  expect(viewer.view?.replicas).toEqual([]);
  expect((await sendAction(room, 'kill', 1)).reason).toBe('no fleet is up');
  await first.exited;
  const second = await up();
  await expect.poll(() => viewer.view?.replicas.map(({ state }) => state), patience).toEqual(['ready', 'ready']);
  expect(second.out()).toContain(viewer.view?.fleet?.http);
  expect(viewer.log().join()).toMatch(/The fleet does not answer.*The fleet answers again/s);
});

test('a fleet that hangs does not block the room', async () => {
  const never = new Promise<never>(() => {});
  const fleet = await startServedFleet();
  onTestFinished(() => fleet.end());
  const real = await fleet.connect();
  let hangs = true;
  const hanging: Fleet = { ...real, replicas: () => (hangs ? never : real.replicas()) };
  const first = await connectViewer(await open({ fleet: hanging }));
  onTestFinished(() => first.leave());
  await expect.poll(() => first.view?.headline.text, patience).toBe('Looking at the fleet …');
  expect(JSON.stringify(first.view?.notices)).not.toMatch(/not asked|replicas/);
  hangs = false;
  const room = await open({ fleet: hanging });
  const viewer = await view(room);
  await expect.poll(() => viewer.view?.headline.text, patience).toMatch('All 2 replicas are ready');
  hangs = true;
  await expect
    .poll(() => viewer.view?.headline.text, patience)
    .toMatch(/^The replicas cannot be observed: no answer for \d+ s\.$/);
  const { at } = viewer.view as { at: number };
  await expect.poll(() => viewer.view?.at, patience).toBeGreaterThan(at);
});

test('a port in use is a one-line error', async () => {
  const fleet = { driver: 'none' } as Fleet;
  const { url } = await open({ fleet });
  const port = Number(new URL(url).port);
  await expect(openRoom({ fleet, port })).rejects.toThrow(
    `port ${port} (control room) is in use: stop what listens there, or choose another with --port`,
  );
});
