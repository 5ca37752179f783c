import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { FleetError } from '../fleet.ts';
import type { ServerProcess, StartServer } from '../process.ts';
import { waitFor } from '../wait.ts';

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

/** Breaks the disk of one process. Each resolves once it is in effect; one ends the other. */
export interface DiskFaults {
  /** Makes each fsync take `ms` longer; 0 ends that. @throws {FleetError} */
  slow(ms: number): Promise<void>;
  /** Refuses each write to a file in the process's folder with ENOSPC, as a full disk does. @throws {FleetError} */
  fill(isFull: boolean): Promise<void>;
}

/**
 * Breaks a disk with strace, which delays the return of system calls, or lets them fail. It stops the process at every system
 * call, so everything it does becomes a little slower.
 * @param pidOf the process; throws if it is down
 * @param folder where it keeps its files
 */
export function createDiskFaults(pidOf: () => number, folder: string, start: StartServer): DiskFaults {
  let strace: ServerProcess | undefined;
  let turn: Promise<unknown> = Promise.resolve(); // a process can have one tracer only

  async function inject(args: string[]): Promise<void> {
    await strace?.stop('SIGINT', 5000); // it detaches, and the process continues
    strace = undefined;
    if (args.length === 0) return;
    const pid = pidOf();
    strace = await start('broken-disk', 'strace', ['-f', '-qq', '-o', '/dev/null', ...args, '-p', String(pid)]);
    await attached(strace, pid);
  }

  function inTurn(args: string[]): Promise<void> {
    const mine = turn.then(() => inject(args));
    turn = mine.catch(() => {}); // its caller gets the error
    return mine;
  }

  return {
    async slow(ms) {
      if (!Number.isInteger(ms) || ms < 0)
        throw new FleetError('the delay of a disk must be an integer in milliseconds, 0 or more');
      const calls = 'fdatasync,fsync';
      return inTurn(ms === 0 ? [] : ['-e', `trace=${calls}`, '-e', `inject=${calls}:delay_exit=${ms * 1000}`]);
    },
    async fill(isFull) {
      const real = realpathSync(folder);
      const only = globSync('**/*', { cwd: real }).flatMap((file) => ['-P', path.join(real, file)]);
      const refuse = [...only, '-e', 'trace=write', '-e', 'inject=write:error=ENOSPC'];
      // A process that writes all the time has ended before strace is known to be attached.
      await inTurn(isFull ? refuse : []).catch(async (err) => {
        if (!(await endsSoon(pidOf))) throw err;
      });
    },
  };
}

/** @returns whether the process ends within half a second */
async function endsSoon(pidOf: () => number): Promise<boolean> {
  const isDown = async () => {
    try {
      pidOf();
      return false;
    } catch {
      return true;
    }
  };
  return waitFor('it ends', isDown, { timeoutMs: 500 }).then(
    () => true,
    () => false,
  );
}

async function attached(strace: ServerProcess, pid: number): Promise<void> {
  try {
    await strace.ready(async () => tracersOf(pid).every((tracer) => tracer === strace.pid));
  } catch (cause) {
    await strace.stop('SIGINT', 1000);
    throw new FleetError(`the disk cannot be broken: ${hint()}`, (cause as FleetError).logLines, { cause });
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
