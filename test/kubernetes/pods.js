import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { find } from './rules.js';

// Runs pods of rendered manifests in Docker: the same images, commands, settings, files, users and rights. What Kubernetes itself does
// (schedule, probe, restart, policies) is not part of it; of its DNS, Docker's has the names.

export const docker = (...args) =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

let networks = 0;

export function startPods(objects) {
  networks += 1;
  const id = `unsticky-pods-${process.pid}-${networks}`;
  const domain = 'unsticky.svc.cluster.local';
  const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-pods-'));
  const containers = new Set();
  docker('network', 'create', id);

  /** A folder with what a volume of a pod holds. */
  function makeVolume(volume, pod) {
    const dir = path.join(folder, pod, volume.name);
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o777); // emptyDir, or a claim, belongs to the pod's group
    const { data = {}, items } = filesOf(volume);
    for (const { key, path: to } of items ?? Object.keys(data).map((key) => ({ key, path: key }))) {
      const file = path.join(dir, to);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, data[key]);
      chmodSync(file, volume.configMap?.defaultMode ?? 0o444);
    }
    return dir;
  }

  function filesOf({ configMap, secret }) {
    if (configMap) return { data: find(objects, 'ConfigMap', configMap.name).data, items: configMap.items };
    if (!secret) return {};
    const { data } = find(objects, 'Secret', secret.secretName);
    return { data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')])) };
  }

  function envOf({ env = [], envFrom = [] }, pod) {
    const values = {};
    for (const { configMapRef } of envFrom) Object.assign(values, find(objects, 'ConfigMap', configMapRef.name).data);
    for (const { name, value, valueFrom } of env)
      values[name] = valueFrom ? pod : value.replace(/\$\((\w+)\)/g, (_, other) => values[other]);
    return Object.entries(values).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  }

  return {
    /** @param names by which others find the pod @param published ports of its first container */
    start(kind, name, pod, names, published = []) {
      const { spec } = find(objects, kind, name).spec.template;
      const claims = find(objects, kind, name).spec.volumeClaimTemplates ?? [];
      const volumes = [...(spec.volumes ?? []), ...claims.map(({ metadata }) => ({ name: metadata.name }))];
      const dirs = Object.fromEntries(volumes.map((volume) => [volume.name, makeVolume(volume, pod)]));
      const run = (container, ...args) => {
        docker('run', '--detach', '--name', `${id}-${pod}-${container}`, ...args);
        containers.add(`${id}-${pod}-${container}`);
      };
      const aliases = names.flatMap((one) => ['--network-alias', one.replace('DOMAIN', domain)]);
      const ports = published.flatMap((port) => ['--publish', `127.0.0.1::${port}`]);
      // As in Kubernetes, the network of a pod outlives its containers.
      run(
        'network',
        '--network',
        id,
        ...aliases,
        '--dns-search',
        domain,
        ...ports,
        '--entrypoint',
        'sleep',
        'redis:8',
        'infinity',
      );
      const { runAsUser, runAsGroup } = spec.securityContext;
      for (const container of spec.containers) {
        if (container.name === 'exporter') continue;
        const mounts = container.volumeMounts.flatMap(({ name, mountPath, subPath = '', readOnly }) => {
          const source = path.join(dirs[name], subPath);
          if (name === 'data') {
            mkdirSync(source, { recursive: true });
            chmodSync(source, 0o777);
          }
          return ['--volume', `${source}:${mountPath}${readOnly ? ':ro' : ''}`];
        });
        const [entry, ...command] = container.command ?? [];
        const rights = [
          '--read-only',
          '--cap-drop',
          'ALL',
          '--security-opt',
          'no-new-privileges',
          '--user',
          `${runAsUser}:${runAsGroup}`,
        ];
        const workdir = container.workingDir ? ['--workdir', container.workingDir] : []; // else that of the image
        const place = ['--network', `container:${id}-${pod}-network`, '--restart', 'always', ...workdir];
        const image = container.image.replace(/^.*unsticky:.*/, 'unsticky');
        const arg = [...(entry ? ['--entrypoint', entry] : []), image, ...command, ...(container.args ?? [])];
        run(container.name, ...place, ...rights, ...envOf(container, pod), ...mounts, ...arg);
      }
    },
    /** All of its containers end at once, as on a node that is lost. */
    kill: (pod) =>
      docker('kill', ...[...containers].filter((one) => one.startsWith(`${id}-${pod}-`) && !one.endsWith('-network'))),
    revive: (pod) =>
      docker('start', ...[...containers].filter((one) => one.startsWith(`${id}-${pod}-`) && !one.endsWith('-network'))),
    exec: (pod, container, ...command) => docker('exec', `${id}-${pod}-${container}`, ...command),
    logs: (pod, container) => docker('logs', '--tail', '20', `${id}-${pod}-${container}`),
    address: (pod, port) => `http://${docker('port', `${id}-${pod}-network`, String(port)).split('\n')[0]}`,
    end() {
      if (containers.size > 0) docker('rm', '--force', '--volumes', ...containers);
      docker('network', 'rm', id);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
