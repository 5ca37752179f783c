import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findProgram, nameOf, project, render, validate } from './manifests.js';
import { find, rules } from './rules.js';

// The Helm chart that `npm run chart` makes of deploy/kubernetes/production.

const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-chart-'));
const chart = path.join(folder, '.unsticky/chart');
afterAll(() => rmSync(folder, { recursive: true }));
execFileSync('node', [path.join(project, 'deploy/kubernetes/chart.ts')], {
  cwd: folder,
  env: { ...process.env, PATH: `${path.dirname(findProgram('kubectl'))}:${process.env.PATH}` },
  stdio: 'pipe',
});

const helm = (...args) => execFileSync(findProgram('helm'), args, { encoding: 'utf8', stdio: 'pipe' });

/** The objects of the chart with these values, in the namespace `unsticky`. */
function template(...values) {
  const set = values.flatMap((value) => ['--set', value]);
  const text = helm('template', 'unsticky', chart, '--namespace', 'unsticky', ...set);
  return parseAllDocuments(text).map((document) => document.toJS());
}

test('helm finds nothing to complain about', () => {
  expect(helm('lint', '--strict', chart)).toContain('0 chart(s) failed');
});

test('with its own values it has the objects of the overlay, but for the namespace', () => {
  const sorted = (objects) => Object.fromEntries(objects.map((object) => [nameOf(object), object]).sort());
  const settings = /nginx-settings-\w{10}/g;
  const comparable = (objects) => JSON.parse(JSON.stringify(sorted(objects)).replace(settings, 'nginx-settings'));
  const overlay = render('production').filter(({ kind }) => kind !== 'Namespace');
  expect(comparable(template())).toEqual(comparable(overlay));
});

test('values are where they belong, the objects stay valid, and what reads a changed setting starts again', async () => {
  const own = ['image=registry.test/shop@sha256:1', 'host=shop.test', 'gateway.name=edge', 'gateway.namespace=net'];
  const objects = template(...own, 'gatewayNetworks=10.0.0.0/8', 'replicas.min=5', 'replicas.max=20');
  for (const object of objects) await expect(validate(object), nameOf(object)).resolves.toBeUndefined();
  const [app] = find(objects, 'Deployment', 'app').spec.template.spec.containers;
  expect(app.image).toBe('registry.test/shop@sha256:1');
  const { hostnames, parentRefs } = find(objects, 'HTTPRoute', 'unsticky').spec;
  expect({ hostnames, parentRefs }).toMatchObject({
    hostnames: ['shop.test'],
    parentRefs: [{ name: 'edge', namespace: 'net' }],
  });
  expect(find(objects, 'BackendTLSPolicy', 'nginx').spec.validation.hostname).toBe('shop.test');
  expect(find(objects, 'HorizontalPodAutoscaler', 'app').spec).toMatchObject({ minReplicas: 5, maxReplicas: 20 });
  const networksOf = (some) => some.find(({ data }) => data?.GATEWAY_NETWORKS !== undefined);
  expect(networksOf(objects).data.GATEWAY_NETWORKS).toBe('10.0.0.0/8');
  expect(networksOf(objects).metadata.name).not.toBe(networksOf(template()).metadata.name);
  expect(rules['what is referred to is there, or is one of the secrets that you make'](objects)).toEqual([]);
});
