import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// `npm run chart`: .unsticky/chart becomes a Helm chart of the overlay `production`. Its template is what kubectl, which is on the
// PATH, makes of the manifests, with a value in place of what is yours: there is no second set of them.

/** What is replaced, and by what. Each must be there: without it a value would have no effect. */
const values: [RegExp, string][] = [
  [/registry\.example\.org\/unsticky:0\.1\.0/g, '{{ .Values.image }}'],
  [/shop\.example\.org/g, '{{ .Values.host }}'],
  [/(?<=- name: )gateway(?=\n +namespace: gateway\n)/g, '{{ .Values.gateway.name }}'],
  [/(?<=namespace: )gateway$/gm, '{{ .Values.gateway.namespace }}'],
  [/(?<=GATEWAY_NETWORKS: )""/g, '{{ .Values.gatewayNetworks | quote }}'],
  // What reads it must start again when it changes.
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

/** Helm makes the namespace itself (`--create-namespace`). */
function toTemplate(manifests: string): string {
  const objects = manifests.split(/^---\n/m).filter((text) => !/^kind: Namespace$/m.test(text));
  const text = objects.join('---\n').replaceAll('{{', '{{ "{{" }}'); // of the alerts
  return values.reduce((template, [pattern, value]) => {
    if (template.search(pattern) < 0) throw new Error(`the manifests have nothing that ${pattern} finds`);
    return template.replace(pattern, value);
  }, text);
}
