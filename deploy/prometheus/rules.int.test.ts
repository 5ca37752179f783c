import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const promtool = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: import.meta.dirname, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
};

test.each(['local.yml', 'containers.yml'])('%s and the rules are well-formed', (file) => {
  expect(promtool('check', 'config', file)).toMatchObject({ status: 0, said: expect.stringContaining('rules found') });
});

test('each alert fires when it should, and only then', () => {
  const { status, said } = promtool('test', 'rules', 'rules.test.yml');
  expect(status, said).toBe(0);
  const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
  const alerts = [...read('rules.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const expected = new Set(
    [...read('rules.test.yml').matchAll(/alertname="(\w+)"[^}]*}', value/g)].map(([, name]) => name),
  );
  expect([...expected].sort()).toEqual(alerts.sort());
});
