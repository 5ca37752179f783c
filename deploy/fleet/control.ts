import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Description, type Fleet, FleetError, type Part, type ReplicaStatus, type Report } from './fleet.ts';
import { writeLogs } from './logs.ts';

/**
 * Lets other processes of this user drive a local fleet, through a socket in its folder, which nobody else may enter.
 * A call is one POST with the method's name and arguments as JSON, null where a report goes; the answer is JSON lines:
 * reports, then a result or an error. Resolves once it listens.
 * @returns `down`, which resolves once somebody has ended the fleet through the socket
 */
export async function serveFleet(fleet: Fleet, dir: string): Promise<{ down: Promise<void> }> {
  let onDown = () => {};
  const down = new Promise<void>((resolve) => {
    onDown = resolve;
  });
  const once = createOnce();
  const server = createServer(async (req, res) => {
    const say = (line: object) => res.write(`${JSON.stringify(line)}\n`);
    try {
      let body = '';
      for await (const chunk of req) body += chunk;
      res.flushHeaders();
      const { call, args } = JSON.parse(body) as { call: string; args: unknown[] };
      const report: Report = (line) => say({ report: line });
      const method = methodOf(fleet, call);
      const result = await once(changeOf(call, args), () =>
        method(...args.map((arg) => (arg === null ? report : arg))),
      );
      res.end(`${JSON.stringify({ result: result ?? null })}\n`);
      if (call === 'down') onDown();
    } catch (err) {
      const { message, logLines = [] } = err as FleetError;
      res.end(`${JSON.stringify({ error: { message, logLines } })}\n`);
    }
  });
  const socket = socketOf(dir);
  rmSync(socket, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  server.unref();
  return { down };
}

const calls = [
  'describe',
  'replicas',
  'scale',
  'kill',
  'pause',
  'resume',
  'restart',
  'roll',
  'deploy',
  'rotateSecret',
  'down',
];
const partCalls = ['kill', 'start', 'pause', 'resume', 'restart', 'reload', 'configure', 'ping'];

/** Refuses what is being done: two who ask for it at once do not want it twice. */
function createOnce() {
  const underWay = new Set<string>();
  return async <T>(change: string | undefined, work: () => Promise<T>): Promise<T> => {
    if (change === undefined) return work();
    if (underWay.has(change)) throw new FleetError(`${change} is under way already`);
    underWay.add(change);
    return work().finally(() => underWay.delete(change));
  };
}

/** In words; undefined for what may be done twice. */
function changeOf(call: string, [target]: unknown[]): string | undefined {
  if (call === 'restart') return `the restart of replica ${target}`;
  if (call === 'roll' || call === 'deploy') return 'a replacement of all replicas';
  const [, part, verb] = /^(redis|proxy)\.(restart|start|reload)$/.exec(call) ?? [];
  return verb && `the ${verb} of ${part === 'proxy' ? 'nginx' : 'Redis'}`;
}

function methodOf(fleet: Fleet, call: string): (...args: unknown[]) => Promise<unknown> {
  const [name = '', part] = call.split('.').reverse();
  const known = part === undefined ? calls.includes(name) : /^(redis|proxy)$/.test(part) && partCalls.includes(name);
  if (!known) throw new FleetError(`a fleet has no ${call}`);
  const target = part === undefined ? fleet : fleet[part as 'redis' | 'proxy'];
  const method = (target as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name];
  if (!method) throw new FleetError(`this fleet cannot ${call}`);
  return method.bind(target);
}

/** @returns the fleet that runs in `dir`, or undefined where none answers */
export async function connectFleet(dir: string): Promise<Fleet | undefined> {
  const fleet = createRemoteFleet(dir);
  try {
    await fleet.describe();
    return fleet;
  } catch (err) {
    const { code } = (err ?? {}) as { code?: string };
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw err;
  }
}

function createRemoteFleet(dir: string): Fleet {
  const socketPath = socketOf(dir);
  const call = <T = void>(name: string, args: unknown[] = [], report?: Report) =>
    callFleet<T>(socketPath, name, args, report);
  const reportHere = null;
  const part = (name: string): Part => ({
    kill: (signal = 'SIGKILL') => call(`${name}.kill`, [signal]),
    start: () => call(`${name}.start`),
    pause: () => call(`${name}.pause`),
    resume: () => call(`${name}.resume`),
    restart: () => call(`${name}.restart`),
  });
  return {
    driver: 'local',
    describe: () => call<Description>('describe'),
    replicas: () => call<ReplicaStatus[]>('replicas'),
    scale: (count, report, settings = {}) => call('scale', [count, reportHere, settings], report),
    kill: (replica, signal = 'SIGKILL') => call('kill', [replica, signal]),
    pause: (replica) => call('pause', [replica]),
    resume: (replica) => call('resume', [replica]),
    restart: (replica) => call('restart', [replica]),
    roll: (report) => call('roll', [reportHere], report),
    deploy: (settings, report) => call('deploy', [settings, reportHere], report),
    rotateSecret: (report) => call<string>('rotateSecret', [reportHere], report),
    logs: (options, write) => writeLogs(path.join(dir, 'logs'), options, write),
    down: () => call('down'),
    redis: {
      ...part('redis'),
      configure: (parameter, value) => call<string>('redis.configure', [parameter, value]),
      ping: (ms) => call<number | null>('redis.ping', [ms]),
    },
    proxy: { ...part('proxy'), reload: () => call('proxy.reload') },
  };
}

const mostSilentMs = 10_000;
const silent = 'the fleet does not answer: is its process stopped (Ctrl-Z)? Bring it back with "fg"';

async function callFleet<T>(socketPath: string, call: string, args: unknown[], report?: Report): Promise<T> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = request({ socketPath, method: 'POST' }, resolve).once('error', reject);
    // It says that it has heard at once, and then takes as long as it takes.
    const late = setTimeout(() => asking.destroy(new FleetError(silent)), mostSilentMs);
    asking.once('response', () => clearTimeout(late)).once('close', () => clearTimeout(late));
    asking.end(JSON.stringify({ call, args }));
  });
  for await (const text of createInterface(answer)) {
    const line = JSON.parse(text) as { report?: string; result?: T; error?: { message: string; logLines: string[] } };
    if (line.error) throw new FleetError(line.error.message, line.error.logLines);
    if (line.report !== undefined) report?.(line.report);
    else return line.result as T;
  }
  throw new FleetError(`the fleet ended while it was doing "${call}"`);
}

/** Relative, because the path of a socket may have only about 100 characters. */
function socketOf(dir: string): string {
  return path.relative(process.cwd(), path.join(dir, 'control.sock'));
}
