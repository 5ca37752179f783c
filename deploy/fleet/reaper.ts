import { spawn } from 'node:child_process';

/** Kills the process groups it was told of as soon as the process that made it is gone, however that ended. */
export interface Reaper {
  watch(pid: number): void;
  /** Its process has ended: the id may belong to somebody else from now on. */
  forget(pid: number): void;
  close(): void;
}

// It reads until its standard input closes, which the kernel does when our process ends, even by SIGKILL.
const script = `
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

export function startReaper(): Reaper {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  child.unref();
  child.on('error', () => {}); // no sh: ends are then orderly alone
  child.stdin.on('error', () => {});
  return {
    watch: (pid) => void child.stdin.write(`watch ${pid}\n`),
    forget: (pid) => void child.stdin.write(`forget ${pid}\n`),
    close: () => void child.stdin.end(),
  };
}
