import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { FleetError } from './fleet.ts';
import type { StartServer } from './local-servers.ts';
import type { ServerProcess } from './process.ts';

/**
 * Makes fsync slow for one process, by strace, which holds back the return of the call. The process is slowed a little in
 * all it does: strace stops it at every system call.
 */
export interface SlowDisk {
  /** @param ms how much longer each fsync takes; 0 ends it. Resolves once it is so. @throws {FleetError} */
  set(ms: number): Promise<void>;
}

/** Whether this user may trace a process that runs, by trying it: where strace is missing, or forbidden, it may not. */
export async function canTrace(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const target = spawn('sleep', ['10'], { env, stdio: 'ignore' });
  const strace = spawn('strace', ['-o', '/dev/null', '-p', String(target.pid)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for (const child of [target, strace]) child.on('error', () => {}); // it is missing: then nothing is said
  try {
    // "strace: Process 1 attached", or why not.
    const signal = AbortSignal.timeout(5000);
    const [said] = await Promise.race([once(strace.stderr, 'data', { signal }), once(strace, 'exit', { signal })]);
    return String(said).includes('attached');
  } catch {
    return false;
  } finally {
    for (const child of [strace, target]) child.kill('SIGKILL');
  }
}

/** @param pidOf whose fsync it is; it throws where that process is down */
export function createSlowDisk(pidOf: () => number, start: StartServer): SlowDisk {
  let strace: ServerProcess | undefined;
  let turn: Promise<unknown> = Promise.resolve(); // one process can be traced by one other alone

  async function set(ms: number): Promise<void> {
    await strace?.stop('SIGINT', 5000); // it lets go of the process, which goes on
    strace = undefined;
    if (ms === 0) return;
    const pid = pidOf();
    const calls = 'fdatasync,fsync';
    const inject = `inject=${calls}:delay_exit=${ms * 1000}`;
    const args = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject, '-p', String(pid)];
    strace = await start('slow-disk', 'strace', args);
    await attached(strace, pid);
  }

  return {
    async set(ms) {
      if (!Number.isInteger(ms) || ms < 0) throw new FleetError('a disk is slower by whole milliseconds, or by 0');
      const mine = turn.then(() => set(ms));
      turn = mine.catch(() => {}); // its caller hears of it
      return mine;
    },
  };
}

async function attached(strace: ServerProcess, pid: number): Promise<void> {
  try {
    await strace.ready(async () => tracersOf(pid).every((tracer) => tracer === strace.pid));
  } catch (cause) {
    await strace.stop('SIGINT', 1000);
    throw new FleetError(`the disk cannot be made slow: ${hint()}`, (cause as FleetError).logLines, { cause });
  }
}

/** Who traces each thread of a process; 0 for nobody. */
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
  if (scope !== '0') return `this system lets nobody trace a running process: run as root, or set ${yama} to 0`;
  return 'strace may not trace it; in a container it needs the capability SYS_PTRACE';
}
