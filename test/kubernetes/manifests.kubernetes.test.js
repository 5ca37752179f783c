import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { apiVersions, findUnknownFields, nameOf, render, validate } from './manifests.js';
import { find, rules, workloads } from './rules.js';

// deploy/kubernetes, as kubectl renders it. Not applied to a cluster here; redis.kubernetes.test.js runs its containers.

const overlays = ['dev', 'production', 'keda'];
const rendered = Object.fromEntries(overlays.map((overlay) => [overlay, render(overlay)]));
const pod = (objects, kind, name) => find(objects, kind, name).spec.template.spec;

describe.each(overlays)('%s', (overlay) => {
  const objects = rendered[overlay];

  test('all objects are of versions that are used today, and valid', async () => {
    expect(objects.filter(({ apiVersion }) => !(apiVersion in apiVersions)).map(nameOf)).toEqual([]);
    for (const object of objects) await expect(validate(object), nameOf(object)).resolves.toBeUndefined();
    expect(findUnknownFields(objects)).toEqual([]);
  });

  test.each(Object.entries(rules))('%s', (_, rule) => {
    expect(rule(objects)).toEqual([]);
  });
});

/** For each rule changes that it must find. */
const defects = {
  'selectors select one workload each, and ports are there': [
    (objects) => (find(objects, 'Service', 'app').spec.selector['app.kubernetes.io/component'] = 'ap'),
    (objects) => (find(objects, 'Service', 'nginx').spec.ports[0].targetPort = 'web'),
    (objects) => (find(objects, 'NetworkPolicy', 'app').spec.egress[0].ports[0].port = 'valkey'),
    (objects) => (find(objects, 'PodDisruptionBudget', 'redis').spec.selector.matchLabels = {}),
  ],
  'what is referred to is there, or is one of the secrets that you make': [
    (objects) => (pod(objects, 'Deployment', 'app').containers[0].envFrom[0].configMapRef.name = 'app-settings'),
    (objects) => (pod(objects, 'Deployment', 'app').volumes[0].secret.secretName = 'other'),
    (objects) =>
      pod(objects, 'Deployment', 'nginx').volumes[0].configMap.items.push({ key: 'new.conf', path: 'new.conf' }),
    (objects) => (find(objects, 'HTTPRoute', 'unsticky').spec.rules[0].backendRefs[0].port = 8443),
    (objects) => (find(objects, 'HorizontalPodAutoscaler', 'app').spec.scaleTargetRef.name = 'web'),
    (objects) => (find(objects, 'BackendTLSPolicy', 'nginx').spec.targetRefs[0].sectionName = 'tls'),
  ],
  'replicas get settings that they know': [
    (objects) => pod(objects, 'Deployment', 'app').containers[0].env.push({ name: 'SESSION_TTL', value: '60' }),
  ],
  'containers are restricted': [
    (objects) => (pod(objects, 'Deployment', 'nginx').securityContext.runAsUser = 0),
    (objects) => delete pod(objects, 'StatefulSet', 'redis').securityContext.seccompProfile,
    (objects) => (pod(objects, 'Deployment', 'app').containers[0].securityContext.capabilities.drop = []),
    (objects) => delete pod(objects, 'Deployment', 'app').automountServiceAccountToken,
  ],
  'containers have bounds, and images a version': [
    (objects) => delete pod(objects, 'StatefulSet', 'redis').containers[1].resources.limits.memory,
    (objects) => (pod(objects, 'Deployment', 'nginx').containers[0].image = 'nginx'),
  ],
  'what takes requests says whether it can, and drains before it ends': [
    (objects) => delete pod(objects, 'Deployment', 'app').containers[0].readinessProbe,
    (objects) => (pod(objects, 'Deployment', 'app').containers[0].lifecycle.preStop.sleep.seconds = 2),
    (objects) => (pod(objects, 'Deployment', 'nginx').terminationGracePeriodSeconds = 10),
    (objects) => (find(objects, 'Deployment', 'app').spec.strategy.rollingUpdate.maxUnavailable = 1),
  ],
  'replicas are spread over nodes, and leave one by one': [
    (objects) => delete pod(objects, 'Deployment', 'app').topologySpreadConstraints,
    (objects) => (find(objects, 'PodDisruptionBudget', 'redis').spec.maxUnavailable = 2),
  ],
  'only those who need it may connect': [
    (objects) => delete find(objects, 'NetworkPolicy', 'redis').spec.ingress[0].from,
    (objects) => (find(objects, 'NetworkPolicy', 'app').spec.policyTypes = ['Ingress']),
  ],
  'Prometheus finds each job of the rules': [
    (objects) =>
      (find(objects, 'ServiceMonitor', 'unsticky-redis').spec.selector.matchLabels['unsticky/job'] = 'valkey'),
    (objects) => (find(objects, 'ServiceMonitor', 'unsticky-replicas').spec.endpoints[0].port = 'metrics'),
  ],
};

test.each(Object.keys(rules).flatMap((rule) => defects[rule].map((defect) => [rule, defect])))(
  'a defect is found: %s %s',
  (rule, defect) => {
    const objects = structuredClone(rendered.production);
    defect(objects);
    expect(rules[rule](objects).length).toBeGreaterThan(0);
  },
);

test('a field that Kubernetes does not know, and a version that it has removed, are found', async () => {
  const objects = structuredClone(rendered.production);
  pod(objects, 'Deployment', 'app').containers[0].livenesProbe = {};
  expect(findUnknownFields(objects)).toEqual([expect.stringContaining('livenesProbe')]);
  find(objects, 'PodDisruptionBudget', 'app').apiVersion = 'policy/v1beta1';
  await expect(validate(find(objects, 'PodDisruptionBudget', 'app'))).rejects.toThrow(
    'no such version is used: policy/v1beta1',
  );
  find(objects, 'Service', 'app').spec.ports = 3000;
  await expect(validate(find(objects, 'Service', 'app'))).rejects.toThrow('ports');
});

test.each(['dev', 'production'])('a replica starts with the settings of %s', (overlay) => {
  const objects = rendered[overlay];
  const [{ configMapRef }] = pod(objects, 'Deployment', 'app').containers[0].envFrom;
  const { data } = find(objects, 'ConfigMap', configMapRef.name);
  const secrets = mkdtempSync(path.join(os.tmpdir(), 'unsticky-secrets-'));
  const contents = {
    'session-secrets': 'f3q8ZkT1xW7pLr0vBn5cMj2yHd9sAg4e',
    'redis-url': 'redis://app:f3q8ZkT1@redis:6379',
  };
  for (const [name, text] of Object.entries(contents)) writeFileSync(path.join(secrets, name), text);
  const at = ([name, value]) => [name, value.replace('/run/secrets/unsticky', secrets)];
  const config = readConfig({ ...Object.fromEntries(Object.entries(data).map(at)), REPLICA: 'app-5d9c7b-x2x4z' });
  expect(config).toMatchObject({ production: overlay === 'production', host: '0.0.0.0', redisMaster: 'unsticky' });
  const { replicas } = find(objects, 'StatefulSet', 'redis').spec;
  expect(config.redisSentinels.map(({ host }) => host)).toEqual(
    Array.from({ length: replicas }, (_, n) => `redis-${n}.redis`),
  );
});

test('the rules of Prometheus are those of every other fleet', async () => {
  const source = readFileSync(new URL('../../deploy/prometheus/rules.yml', import.meta.url), 'utf8');
  const head = [
    '# Written from deploy/prometheus/rules.yml by its test: npm run test:kubernetes -- -u',
    'apiVersion: monitoring.coreos.com/v1',
    'kind: PrometheusRule',
    'metadata:',
    '  name: unsticky',
    'spec:',
  ];
  const lines = source.split('\n').map((line) => (line.trim() === '' ? '' : `  ${line}`));
  await expect([...head, ...lines].join('\n')).toMatchFileSnapshot(
    '../../deploy/kubernetes/production/prometheus-rule.yaml',
  );
});

test('the autoscaler of KEDA replaces that of the processors', () => {
  expect(find(rendered.keda, 'HorizontalPodAutoscaler', 'app')).toBeUndefined();
  expect(find(rendered.keda, 'ScaledObject', 'app').spec.minReplicaCount).toBe(
    find(rendered.production, 'HorizontalPodAutoscaler', 'app').spec.minReplicas,
  );
  expect(workloads(rendered.keda).map(({ metadata }) => metadata.name)).toEqual(['app', 'nginx', 'redis']);
});
