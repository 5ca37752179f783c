import { describe } from './compose-status.ts';
import { appContainers, compose, docker } from './docker.ts';
import { FleetError, type Report, type Settings } from './fleet.ts';
import { developmentSecret, rotation } from './secrets.ts';
import { servedBy } from './wait.ts';

/** Longer than a replica takes to be healthy; one that ends again and again never is. */
const waitSeconds = '60';

/** Has `count` replicas. Those that are there stay as they are; the new ones get `settings` over the fleet's. */
export async function scaleReplicas(count: number, settings: Settings = {}): Promise<void> {
  const own = await fleetSettings();
  const unknown = Object.keys(settings).find((name) => !(name in own));
  if (unknown) {
    const known = Object.keys(own).sort().join(', ');
    throw new FleetError(`docker-compose.yml does not pass ${unknown} on to replicas: it passes ${known}`);
  }
  const wait = ['--detach', '--wait', '--wait-timeout', waitSeconds];
  await compose(['up', ...wait, '--no-recreate', '--no-deps', '--scale', `app=${count}`, 'app'], {
    ...own,
    ...settings,
  });
}

/**
 * Starts as many replicas with the new settings beside the old ones, and then ends those one by one, so that there are
 * never fewer than before. The new ones have numbers of their own. Where one does not come up, all new ones are removed.
 */
export async function deployReplicas(settings: Settings, report?: Report): Promise<void> {
  const old = await appContainers();
  const isOld = (id: string) => old.some(({ container }) => container.Id === id);
  const added = async () => (await appContainers()).map(({ container }) => container).filter(({ Id }) => !isOld(Id));
  try {
    await scaleReplicas(old.length * 2, settings);
  } catch (err) {
    const ids = (await added()).map(({ Id }) => Id);
    if (ids.length > 0) await docker(['rm', '--force', ...ids]);
    throw err;
  }
  const names = (await added()).map(({ Config }) => Config.Hostname);
  report?.(`started ${names.join(', ')}`);
  await servedBy((await describe()).http, names);
  for (const { container } of old) {
    await docker(['stop', container.Id]);
    await docker(['rm', container.Id]);
    report?.(`ended ${container.Config.Hostname}`);
  }
}

/** Replicas that were given no secret go on to verify what the public one has signed. */
export async function rotateSecrets(report?: Report): Promise<string> {
  const { SESSION_SECRETS: secrets } = await fleetSettings();
  const { fresh, steps } = rotation(secrets || developmentSecret);
  for (const list of steps) await deployReplicas({ SESSION_SECRETS: list }, report);
  return fresh;
}

/**
 * What docker-compose.yml passes on to replicas, with the values of the oldest one: later ones may have been given others.
 * Given again to Docker, they make more of the same, whatever the environment of this process is.
 */
async function fleetSettings(): Promise<Settings> {
  const [first] = await appContainers();
  if (!first) throw new FleetError('no replica is up: run "docker compose up --build --detach --wait"');
  const values = new Map(first.container.Config.Env.map((line) => splitOnce(line, '=')));
  const text = await compose(['config', '--no-interpolate', '--format', 'json']);
  const { environment } = (JSON.parse(text) as { services: { app: { environment: Settings } } }).services.app;
  const passedOn = Object.keys(environment).filter((name) => environment[name]?.startsWith(`\${${name}`));
  return Object.fromEntries(passedOn.map((name) => [name, values.get(name) ?? '']));
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
