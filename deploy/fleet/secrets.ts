import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A replica without a secret signs with this one (src/config.ts). It is public. */
export const developmentSecret = 'not-a-secret-for-development-only';

/** Makes a secret that signs cookies. */
export function makeSecret(): string {
  return randomBytes(32).toString('hex');
}

/** The secrets that the environment of a command gives, itself or in a file; '' if it gives none. */
export function readGivenSecrets({ SESSION_SECRETS: secrets, SESSION_SECRETS_FILE: file }: NodeJS.ProcessEnv): string {
  return secrets || (file ? readFileSync(file, 'utf8').trim().replaceAll('\n', ',') : '');
}

/**
 * The values of SESSION_SECRETS that a fleet goes through to sign with a new secret: first all replicas verify it, then they
 * sign with it. No secret is removed: cookies signed with it stay valid.
 */
export function rotation(secrets: string): { fresh: string; steps: [verifying: string, signing: string] } {
  const fresh = makeSecret();
  return { fresh, steps: [`${secrets},${fresh}`, `${fresh},${secrets}`] };
}
