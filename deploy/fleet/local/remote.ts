import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Fleet, FleetError, type Reporter } from '../fleet.ts';
import { writeLogs } from '../logs.ts';

/** The methods that other processes may call, by the object that has them. */
const methods = {
  fleet: 'describe replicas parts scale kill pause resume restart roll deploy rotateSecret down'.split(' '),
  redis: 'kill start pause resume restart configure ping report'.split(' '),
  proxy: 'kill start pause resume restart reload'.split(' '),
};

/** In a call, in place of the reporter. */
const reportHere = '(report)';

type Target = keyof typeof methods;
type Call = { target: Target; method: string; args: unknown[] };
/** One of its members. */
type Line = { report: string; result: unknown; error: { message: string; logLines: string[] } };
type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * Lets other processes of this user drive a local fleet through a socket in its folder, which no other user may enter.
 * A call is one POST of JSON, with `reportHere` as the reporter argument; the response is JSON lines: reports, then a
 * result or an error. Resolves once it listens.
 * @returns `down`, which resolves once another process has ended the fleet
 */
export async function serveFleet(fleet: Fleet, dir: string): Promise<{ down: Promise<void> }> {
  const down = Promise.withResolvers<void>();
  const runExclusively = createExclusive();
  const server = createServer(async (req, res) => {
    const send = (line: Partial<Line>) => res.write(`${JSON.stringify(line)}\n`);
    try {
      let body = '';
      for await (const chunk of req) body += chunk;
      res.flushHeaders();
      const call = JSON.parse(body) as Call;
      const report: Reporter = (line) => send({ report: line });
      const args = call.args.map((arg) => (arg === reportHere ? report : (arg ?? undefined)));
      const result = await runExclusively(call, () => methodOf(fleet, call)(...args));
      send({ result: result ?? null });
      if (call.method === 'down') down.resolve();
    } catch (err) {
      const { message, logLines = [] } = err as FleetError;
      send({ error: { message, logLines } });
    }
    res.end();
  });
  const socket = socketOf(dir);
  rmSync(socket, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  server.unref();
  return { down: down.promise };
}

/** Refuses a change that is already under way: two processes that ask for it at once do not want it twice. */
function createExclusive() {
  const active = new Set<string>();
  return async <T>(call: Call, work: () => Promise<T>): Promise<T> => {
    const change = describeChange(call);
    if (change === undefined) return work();
    if (active.has(change)) throw new FleetError(`${change} is already under way`);
    active.add(change);
    return work().finally(() => active.delete(change));
  };
}

/** Undefined for a call that may run twice at once. */
function describeChange({ target, method, args }: Call): string | undefined {
  const part = { redis: 'Redis', proxy: 'nginx', fleet: undefined }[target];
  if (part) return /^(restart|start|reload)$/.test(method) ? `the ${method} of ${part}` : undefined;
  if (method === 'restart') return `the restart of replica ${args[0]}`;
  return method === 'roll' || method === 'deploy' ? 'a replacement of all replicas' : undefined;
}

function methodOf(fleet: Fleet, { target, method: name }: Call): Method {
  if (!methods[target]?.includes(name)) throw new FleetError(`a fleet has no ${target}.${name}`);
  const object = (target === 'fleet' ? fleet : fleet[target]) as unknown as Record<string, Method>;
  const method = object[name];
  if (!method) throw new FleetError(`this fleet does not support ${target}.${name}`);
  return method.bind(object);
}

/** @returns the fleet that runs in `dir`, or undefined if none answers */
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
  const remote = <T>(target: Target): T => {
    const calls = methods[target].map((method): [string, Method] => {
      return [method, (...args) => callFleet(socketOf(dir), { target, method, args })];
    });
    return Object.fromEntries(calls) as T;
  };
  return {
    driver: 'local',
    ...remote<Omit<Fleet, 'driver' | 'logs' | 'redis' | 'proxy'>>('fleet'),
    logs: (options, write) => writeLogs(path.join(dir, 'logs'), options, write),
    redis: remote('redis'),
    proxy: remote('proxy'),
  };
}

const maxSilentMs = 10_000;
const silent = 'the fleet does not answer: is its process stopped (Ctrl-Z)? Resume it with "fg"';

async function callFleet(socketPath: string, call: Call): Promise<unknown> {
  const report = call.args.find((arg) => typeof arg === 'function') as Reporter | undefined;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath, method: 'POST' }, resolve).once('error', reject);
    // The headers come at once; the result takes as long as the call.
    const late = setTimeout(() => sent.destroy(new FleetError(silent)), maxSilentMs);
    sent.once('response', () => clearTimeout(late)).once('close', () => clearTimeout(late));
    sent.end(JSON.stringify(call, (_key, value) => (typeof value === 'function' ? reportHere : value)));
  });
  for await (const text of createInterface(response)) {
    const line = JSON.parse(text) as Partial<Line>;
    if (line.error) throw new FleetError(line.error.message, line.error.logLines);
    if (line.report === undefined) return line.result;
    report?.(line.report);
  }
  throw new FleetError(`the fleet ended during "${call.method}"`);
}

/** Relative, because the path of a socket is limited to about 100 characters. */
function socketOf(dir: string): string {
  return path.relative(process.cwd(), path.join(dir, 'control.sock'));
}
