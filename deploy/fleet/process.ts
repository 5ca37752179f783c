import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from './fleet.ts';
import { lastLines } from './logs.ts';
import type { Reaper } from './reaper.ts';
import { waitFor } from './wait.ts';

export interface ProcessOptions {
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Gets its standard output and error; appended to. */
  logFile: string;
  reaper: Reaper;
}

/** A server that runs as a child process, in a process group of its own: a Ctrl-C in the terminal is not for it. */
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

/** @throws {FleetError} where the command cannot be started */
export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const { name, command, args, logFile, reaper, cwd, env: inherited } = options;
  mkdirSync(path.dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const logStart = fstatSync(log).size; // what stands before it is of earlier starts
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
      kill(-pid, 'SIGKILL'); // those that it started and left behind, such as nginx's workers
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
      server.signal('SIGCONT', true); // a paused process would never see it
      await Promise.race([ended, sleep(graceMs, undefined, { ref: false })]);
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

/** Debian keeps nginx where only root's shell looks. */
export function withSystemPath(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: `${env.PATH}:/usr/sbin:/usr/local/sbin` };
}

/** Where nobody is left to be signalled, that is as well: of two that end at once Node tells one after the other. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (err) {
    // Of a group that has ended but was not waited for yet macOS says EPERM.
    if (!['ESRCH', 'EPERM'].includes((err as NodeJS.ErrnoException).code ?? '')) throw err;
  }
}

function cannotStart(command: string, cause: Error): string {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  return missing
    ? `${command} is not installed: run "sh deploy/setup.sh"`
    : `${command} cannot be started: ${cause.message}`;
}
