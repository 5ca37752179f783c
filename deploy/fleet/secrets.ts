import { randomBytes } from 'node:crypto';

/** With which a replica signs where it is given none (src/config.ts). It is public. */
export const developmentSecret = 'not-a-secret-for-development-only';

/** One that signs cookies. */
export function makeSecret(): string {
  return randomBytes(32).toString('hex');
}

/**
 * The values of SESSION_SECRETS through which a fleet goes to sign with a new secret: first all replicas verify it, then
 * they sign with it. None is taken away: cookies that it signed may live on.
 */
export function rotation(secrets: string): { fresh: string; steps: [known: string, signing: string] } {
  const fresh = makeSecret();
  return { fresh, steps: [`${secrets},${fresh}`, `${fresh},${secrets}`] };
}
