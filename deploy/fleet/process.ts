import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { FleetError } from './fleet.ts';
import { lastLines } from './logs.ts';
import { waitFor, withTimeout } from './wait.ts';

/** A server as a child process, in a process group of its own so that a Ctrl-C in the terminal does not reach it. */
export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
  readonly startedAt: Date;
  /** How and when it ended; undefined while it runs. */
  readonly end: { how: string; at: Date } | undefined;
  /** Signals the process alone, or with `group` also those it started (nginx's workers). */
  signal(signal: NodeJS.Signals, group?: boolean): void;
  /** Resolves once it has ended. */
  ended: Promise<void>;
  /** Signals, waits at most graceMs, then kills. Safe to call twice. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<void>;
  /** Resolves once `probe` is true. @throws {FleetError} with its last log lines if it ends before that, or after 10 s */
  ready(probe: () => Promise<boolean>): Promise<void>;
}

/** Starts a server under a name. @throws {FleetError} if the command cannot be started */
export type StartServer = (
  name: string,
  command: string,
  args: string[],
  options?: { env?: NodeJS.ProcessEnv; cwd?: string },
) => Promise<ServerProcess>;

/** The servers of one fleet. They end with this process, however that ends. */
export interface Servers {
  start: StartServer;
  /** The process that was started last under this name. */
  find(name: string): ServerProcess | undefined;
  /** The processes that were started last under each name, in the order of their first start. */
  all(): ServerProcess[];
  /** Starts nothing from now on. */
  refuseStarts(reason: string): void;
  /** Call it once all have ended. */
  close(): void;
}

/** @param logs folder of the log files, one a server; they are appended to */
export function createServers(logs: string, env: NodeJS.ProcessEnv): Servers {
  const reaper = startReaper();
  const servers = new Map<string, ServerProcess>();
  mkdirSync(logs, { recursive: true });
  let refusal: string | undefined;
  return {
    async start(name, command, args, options = {}) {
      if (refusal) throw new FleetError(refusal);
      const logFile = path.join(logs, `${name}.log`);
      const server = await startProcess({ name, command, args, logFile, reaper, env, ...options });
      servers.set(name, server);
      return server;
    },
    find: (name) => servers.get(name),
    all: () => [...servers.values()],
    refuseStarts(reason) {
      refusal = reason;
    },
    close: () => reaper.close(),
  };
}

interface ProcessOptions {
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  logFile: string;
  reaper: Reaper;
}

async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const { name, command, args, logFile, reaper, cwd, env: inherited } = options;
  const log = openSync(logFile, 'a');
  const logStart = fstatSync(log).size; // earlier lines are of earlier starts
  const env = withSystemPath(inherited);
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', log, log], ...(cwd && { cwd }) });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new FleetError(cannotStart(command, cause), [], { cause })));
  });
  const pid = child.pid as number;
  reaper.watch(pid);
  let end: ServerProcess['end'];
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      end = { how: signal ? `ended by ${signal}` : `exited with ${code}`, at: new Date() };
      kill(-pid, 'SIGKILL'); // processes that it started and left behind, such as nginx's workers
      reaper.forget(pid);
      resolve();
    });
  });
  const server: ServerProcess = {
    name,
    pid,
    startedAt: new Date(),
    ended,
    get end() {
      return end;
    },
    signal(signal, group = false) {
      if (!end) kill(group ? -pid : pid, signal);
    },
    async stop(signal, graceMs) {
      server.signal(signal);
      server.signal('SIGCONT', true); // a paused process would never receive the signal
      await withTimeout(ended, graceMs);
      server.signal('SIGKILL', true);
      await ended;
    },
    async ready(probe) {
      const tail = () => lastLines(logFile, 8, logStart);
      await waitFor(`${name} did not come up`, probe, { timeoutMs: 10_000, hopeless: () => end?.how, tail });
    },
  };
  return server;
}

/** Adds where Debian keeps nginx, which is on root's PATH only. */
export function withSystemPath(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: `${env.PATH}:/usr/sbin:/usr/local/sbin` };
}

/** The process may already have exited: Node reports two that end at once one after the other. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (err) {
    // macOS reports EPERM for a group that has ended but was not waited for yet.
    if (!['ESRCH', 'EPERM'].includes((err as NodeJS.ErrnoException).code ?? '')) throw err;
  }
}

function cannotStart(command: string, cause: Error): string {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  return missing
    ? `${command} is not installed: run "sh deploy/setup.sh"`
    : `${command} cannot be started: ${cause.message}`;
}

/** Kills the process groups that it watches as soon as this process is gone, however that ended. */
interface Reaper {
  watch(pid: number): void;
  /** The process has ended: another process may get its id from now on. */
  forget(pid: number): void;
  close(): void;
}

// It reads until its standard input closes, which the kernel does when our process ends, even by SIGKILL.
const reaperScript = `
trap '' INT TERM HUP
pids=
while read -r verb pid; do
  rest=
  for known in $pids; do [ "$known" = "$pid" ] || rest="$rest $known"; done
  pids=$rest
  [ "$verb" = watch ] && pids="$pids $pid"
done
for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
`;

function startReaper(): Reaper {
  const child = spawn('sh', ['-c', reaperScript], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  child.unref();
  child.on('error', () => {}); // without sh, servers end only when this process ends in order
  child.stdin.on('error', () => {});
  return {
    watch: (pid) => void child.stdin.write(`watch ${pid}\n`),
    forget: (pid) => void child.stdin.write(`forget ${pid}\n`),
    close: () => void child.stdin.end(),
  };
}
