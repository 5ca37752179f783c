import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

test('Grafana is an optional profile: read-only on 127.0.0.1, provisioned from files', () => {
  const services = (...args: string[]) => {
    const command = ['compose', ...args, 'config', '--format', 'json'];
    return JSON.parse(execFileSync('docker', command, { cwd: project, encoding: 'utf8' })).services;
  };
  expect(services()).not.toHaveProperty('grafana');
  const { image, ports, environment, volumes, read_only: isReadOnly } = services('--profile', 'grafana').grafana;
  expect(image).toMatch(/^grafana\/grafana:\d+\.\d+\.\d+$/);
  expect(ports).toMatchObject([{ host_ip: '127.0.0.1', target: 3000, published: '3000' }]);
  expect({ role: environment.GF_AUTH_ANONYMOUS_ORG_ROLE, isReadOnly }).toEqual({ role: 'Viewer', isReadOnly: true });
  // Viewing needs no login, and logging in is disabled.
  expect(environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_BASIC_ENABLED: 'false',
    GF_AUTH_DISABLE_LOGIN_FORM: 'true',
    GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
  });
  const inContainer = (file: string) => {
    const mount = volumes.find(({ target }: { target: string }) => file.startsWith(`${target}/`));
    return mount && path.join(mount.source, path.relative(mount.target, file));
  };
  const home = inContainer(environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH);
  expect(JSON.parse(readFileSync(home, 'utf8')).title).toBe('Fleet');
  const provider = readFileSync(inContainer('/etc/grafana/provisioning/dashboards/fleet.yml'), 'utf8');
  expect(inContainer(`${/path: (\S+)/.exec(provider)?.[1]}/fleet.json`)).toBe(home);
  const datasource = readFileSync(inContainer('/etc/grafana/provisioning/datasources/prometheus.yml'), 'utf8');
  expect(datasource).toContain('url: $PROMETHEUS_URL');
  expect(environment.PROMETHEUS_URL).toBe('http://prometheus:9090');
});
