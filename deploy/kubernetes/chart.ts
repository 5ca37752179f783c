import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// `npm run chart` writes a Helm chart of the overlay `production` to .unsticky/chart. Its template is what kubectl (on the PATH) renders,
// with values in place of the names that users set: so there is one set of manifests.

/** What is replaced in the manifests, and by what. Each must be found, or a value would have no effect. */
const values: [RegExp, string][] = [
  [/registry\.example\.org\/unsticky:0\.1\.0/g, '{{ .Values.image }}'],
  [/shop\.example\.org/g, '{{ .Values.host }}'],
  [/(?<=- name: )gateway(?=\n +namespace: gateway\n)/g, '{{ .Values.gateway.name }}'],
  [/(?<=namespace: )gateway$/gm, '{{ .Values.gateway.namespace }}'],
  [/(?<=GATEWAY_NETWORKS: )""/g, '{{ .Values.gatewayNetworks | quote }}'],
  // Another name when it changes: nginx is restarted then.
  [/(?<=nginx-settings-)\w{10}/g, '{{ .Values.gatewayNetworks | sha256sum | trunc 10 }}'],
  [/(?<=minReplicas: )3$/gm, '{{ .Values.replicas.min }}'],
  [/(?<=maxReplicas: )12$/gm, '{{ .Values.replicas.max }}'],
  [/(?<=^ *namespace: )unsticky$/gm, '{{ .Release.Namespace }}'],
];

const source = import.meta.dirname;
const folder = '.unsticky/chart';
mkdirSync(path.join(folder, 'templates'), { recursive: true });
for (const name of ['Chart.yaml', 'values.yaml'])
  copyFileSync(path.join(source, 'chart', name), path.join(folder, name));
writeFileSync(path.join(folder, 'templates/production.yaml'), toTemplate(render()));

function render(): string {
  const args = ['kustomize', '--load-restrictor', 'LoadRestrictionsNone', path.join(source, 'production')];
  return execFileSync('kubectl', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** Without the Namespace, which Helm creates (`--create-namespace`). */
function toTemplate(manifests: string): string {
  const objects = manifests.split(/^---\n/m).filter((text) => !/^kind: Namespace$/m.test(text));
  const text = objects.join('---\n').replaceAll('{{', '{{ "{{" }}'); // of the alerts
  return values.reduce((template, [pattern, value]) => {
    if (template.search(pattern) < 0) throw new Error(`the manifests have nothing that matches ${pattern}`);
    return template.replace(pattern, value);
  }, text);
}
