import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { FleetError } from '../fleet.ts';
import type { ServerProcess, StartServer } from '../process.ts';

/** Tries whether this user may trace a running process: not if strace is missing or forbidden. */
export async function canTrace(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const target = spawn('sleep', ['10'], { env, stdio: 'ignore' });
  const strace = spawn('strace', ['-o', '/dev/null', '-p', String(target.pid)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for (const child of [target, strace]) child.on('error', () => {}); // it is missing: then there is no output
  try {
    // "strace: Process 1 attached", or why not.
    const signal = AbortSignal.timeout(5000);
    const [output] = await Promise.race([once(strace.stderr, 'data', { signal }), once(strace, 'exit', { signal })]);
    return String(output).includes('attached');
  } catch {
    return false;
  } finally {
    for (const child of [strace, target]) child.kill('SIGKILL');
  }
}

/**
 * Slows fsync of one process with strace, which delays the return of the call. strace stops the process at every system
 * call, so everything it does becomes a little slower.
 * @param pidOf the process to slow; throws if it is down
 * @returns a function that makes each fsync take `ms` longer, or ends that with 0. It resolves once that is in effect.
 */
export function createSlowDisk(pidOf: () => number, start: StartServer): (ms: number) => Promise<void> {
  let strace: ServerProcess | undefined;
  let turn: Promise<unknown> = Promise.resolve(); // a process can have one tracer only

  async function set(ms: number): Promise<void> {
    await strace?.stop('SIGINT', 5000); // it detaches, and the process continues
    strace = undefined;
    if (ms === 0) return;
    const pid = pidOf();
    const calls = 'fdatasync,fsync';
    const inject = `inject=${calls}:delay_exit=${ms * 1000}`;
    const args = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject, '-p', String(pid)];
    strace = await start('slow-disk', 'strace', args);
    await attached(strace, pid);
  }

  return async function slowDisk(ms) {
    if (!Number.isInteger(ms) || ms < 0)
      throw new FleetError('the delay of a disk must be an integer in milliseconds, 0 or more');
    const mine = turn.then(() => set(ms));
    turn = mine.catch(() => {}); // its caller gets the error
    return mine;
  };
}

async function attached(strace: ServerProcess, pid: number): Promise<void> {
  try {
    await strace.ready(async () => tracersOf(pid).every((tracer) => tracer === strace.pid));
  } catch (cause) {
    await strace.stop('SIGINT', 1000);
    throw new FleetError(`the disk cannot be slowed: ${hint()}`, (cause as FleetError).logLines, { cause });
  }
}

/** The tracer of each thread of a process; 0 for none. */
function tracersOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return Number(/^TracerPid:\s*(\d+)/m.exec(status)?.[1]);
  });
}

const yama = '/proc/sys/kernel/yama/ptrace_scope';

function hint(): string {
  const scope = existsSync(yama) ? readFileSync(yama, 'utf8').trim() : '0';
  if (scope !== '0') return `this system does not allow tracing a running process: run as root, or set ${yama} to 0`;
  return 'strace may not trace it; in a container it needs the capability SYS_PTRACE';
}
