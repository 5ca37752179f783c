import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const project = fileURLToPath(new URL('..', import.meta.url));
const docker = (...args: string[]) =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 26 });
let container: string;

/** Runs a script on the fresh machine. @throws {Error} with its exit code and all its output */
function inside(script: string): string {
  const { status, stdout, stderr } = spawnSync('docker', ['exec', container, 'sh', '-c', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}

// A bare Debian with nodejs and npm, and the files that git tracks.
beforeAll(() => {
  docker(
    'build',
    '--quiet',
    '--tag',
    'unsticky-fresh-machine',
    '--file',
    `${project}/deploy/fresh-machine.Dockerfile`,
    `${project}/deploy`,
  );
  container = docker('run', '--detach', '--init', 'unsticky-fresh-machine', 'sleep', '1200').trim();
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: project });
  const archive = execFileSync('tar', ['--null', '--files-from=-', '--create'], {
    cwd: project,
    input: files,
    maxBuffer: 1 << 28,
  });
  inside('mkdir /app');
  execFileSync('docker', ['exec', '--interactive', container, 'tar', '-x', '-C', '/app'], { input: archive });
});
afterAll(() => void docker('rm', '--force', '--volumes', container));

const processes = () => inside('cat /proc/[0-9]*/comm').trim().split('\n').sort();

test('npm run demo -- --once sets up a fresh machine and passes', () => {
  const out = inside('cd /app && npm run demo -- --once');
  expect(out).toContain('setup: installing nginx redis-server prometheus');
  expect(out).toMatch(/PASS: All \d+ sessions survived 3 faults/);
});

test('no service stays enabled and no process running', () => {
  expect(inside('ls /etc/rc[2345].d /etc/systemd/system/*.wants 2>/dev/null || true')).not.toMatch(/^S|\.service$/m);
  expect(inside('ls /usr/sbin/policy-rc.d 2>/dev/null || true')).toBe('');
  for (const name of ['nginx', 'redis-server', 'prometheus', 'node']) expect(processes()).not.toContain(name);
});

test('with everything installed, set-up takes less than a second, and the fleet is ready within 5 s', () => {
  const start = performance.now();
  expect(inside('cd /app && sh deploy/setup.sh')).toBe('');
  expect(performance.now() - start).toBeLessThan(1000);
  const up = performance.now();
  inside('cd /app && npm run up -- --detach');
  expect(performance.now() - up).toBeLessThan(5000);
  inside('cd /app && npm run down');
});
