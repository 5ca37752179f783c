import type { Container } from '../containers/docker.ts';
import { FleetError, type Reporter, type Settings } from '../fleet.ts';
import { developmentSecret, rotation } from '../secrets.ts';
import { servedBy } from '../wait.ts';
import type { Docker } from './docker.ts';
import { describe } from './status.ts';

/** Longer than a replica takes to become healthy; one that keeps crashing never does. */
const waitSeconds = '60';

/** Sets the number of replicas. Present ones stay as they are; new ones get `settings` over the fleet's. */
export async function scaleReplicas(docker: Docker, count: number, settings: Settings = {}): Promise<void> {
  const own = await fleetSettings(docker);
  const unknown = Object.keys(settings).find((name) => !(name in own));
  if (unknown) {
    const known = Object.keys(own).sort().join(', ');
    throw new FleetError(`docker-compose.yml does not pass ${unknown} to replicas: it passes ${known}`);
  }
  const wait = ['--detach', '--wait', '--wait-timeout', waitSeconds];
  const args = ['up', ...wait, '--no-recreate', '--no-deps', '--scale', `app=${count}`, 'app'];
  await docker.compose(args, { ...own, ...settings });
}

/**
 * Starts as many new replicas beside the old ones, then ends the old ones, so that there are never fewer than before. The
 * new ones get new numbers. If one does not come up, all new ones are removed.
 */
export async function deployReplicas(docker: Docker, settings: Settings, report?: Reporter): Promise<void> {
  const old = await docker.replicas();
  const isOld = (id: string) => old.some(({ Id }) => Id === id);
  const added = async () => (await docker.replicas()).filter(({ Id }) => !isOld(Id));
  try {
    await scaleReplicas(docker, old.length * 2, settings);
  } catch (err) {
    const ids = (await added()).map(({ Id }) => Id);
    if (ids.length > 0) await docker.run(['rm', '--force', ...ids]);
    throw err;
  }
  const names = (await added()).map(({ replica }) => replica);
  report?.(`started ${names.join(', ')}`);
  await servedBy(describe(await docker.containers()).http, names);
  const end = async ({ Id, replica }: Container) => {
    await docker.run(['stop', Id]);
    await docker.run(['rm', Id]);
    report?.(`ended ${replica}`);
  };
  await Promise.all(old.map(end));
}

/** Replicas without a secret continue to verify cookies that the public one signed. */
export async function rotateSecrets(docker: Docker, report?: Reporter): Promise<string> {
  const { SESSION_SECRETS: secrets, SESSION_SECRETS_FILE: file } = await fleetSettings(docker);
  if (file) throw new FleetError(`the secrets of this fleet are in ${file}: rotate them there (docs/operating.md)`);
  const { fresh, steps } = rotation(secrets || developmentSecret);
  for (const list of steps) await deployReplicas(docker, { SESSION_SECRETS: list }, report);
  return fresh;
}

/**
 * The settings that docker-compose.yml passes to replicas, with the values of the oldest one: later ones may differ. With
 * these, Docker starts more of the same, whatever the environment of this process is.
 */
async function fleetSettings(docker: Docker): Promise<Settings> {
  const [first] = await docker.replicas();
  if (!first) throw new FleetError('no replica is up: run "docker compose up --build --detach --wait"');
  const values = new Map(first.Config.Env.map((line) => splitOnce(line, '=')));
  const text = await docker.compose(['config', '--no-interpolate', '--format', 'json']);
  const { environment } = (JSON.parse(text) as { services: { app: { environment: Settings } } }).services.app;
  const passed = Object.keys(environment).filter((name) => environment[name]?.startsWith(`\${${name}`));
  return Object.fromEntries(passed.map((name) => [name, values.get(name) ?? '']));
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
