import { createHash } from 'node:crypto';
import { FleetError } from '../fleet.ts';
import { rotation } from '../secrets.ts';
import type { Swarm } from './engines.ts';

const secretFile = '/run/secrets/session_secrets';

/**
 * Replaces the replicas one after the other, each by one that is ready.
 * @param change options of `docker service update`
 * @throws {FleetError} if a new one failed, and Swarm rolled back
 */
export async function updateReplicas(swarm: Swarm, change: string[]): Promise<void> {
  const service = `${swarm.stack}_app`;
  await swarm.manage(['service', 'update', '--detach=false', '--quiet', ...change, service]);
  const status = await swarm.manage(['service', 'inspect', '--format', '{{json .UpdateStatus}}', service]);
  const { State, Message } = (JSON.parse(status) ?? {}) as { State?: string; Message?: string };
  if (State?.startsWith('rollback')) throw new FleetError(`a new replica failed, and Swarm rolled back: ${Message}`);
}

/** A secret of Swarm cannot be changed: each list of secrets is a new one, with a name of its own. */
export async function rotateSecret(swarm: Swarm): Promise<string> {
  const [replica] = await swarm.replicas();
  if (!replica) throw new FleetError('no replica is up: run "unsticky up --fleet swarm"');
  const secrets = (await swarm.runOn(replica, ['exec', replica.Id, 'cat', secretFile])).trim();
  const { fresh, steps } = rotation(secrets.replaceAll('\n', ','));
  for (const list of steps) {
    const name = `${swarm.stack}-session-secrets-${createHash('sha256').update(list).digest('hex').slice(0, 12)}`;
    await swarm.manage(['secret', 'create', name, '-'], list);
    const added = ['--secret-add', `source=${name},target=session_secrets`];
    await updateReplicas(swarm, ['--secret-rm', await usedSecret(swarm), ...added]);
  }
  return fresh;
}

/** The name of the secret with the list that replicas use now. */
async function usedSecret(swarm: Swarm): Promise<string> {
  const format = '{{json .Spec.TaskTemplate.ContainerSpec.Secrets}}';
  const text = await swarm.manage(['service', 'inspect', '--format', format, `${swarm.stack}_app`]);
  const secrets = JSON.parse(text) as { File: { Name: string }; SecretName: string }[];
  const used = secrets.find(({ File }) => File.Name.endsWith('session_secrets'));
  if (!used) throw new FleetError(`${swarm.stack}_app has no secret session_secrets`);
  return used.SecretName;
}
