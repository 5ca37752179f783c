import os from 'node:os';
import { z } from 'zod';
import pkg from '../package.json' with { type: 'json' };

/** Everything a replica can be told, read once from the environment. README lists the settings. */
export type Config = Readonly<z.infer<typeof schema>>;

/** Thrown by readConfig. Its message names every setting that is wrong and what it must be, and never shows a secret. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the environment into a frozen Config.
 *
 * An empty value counts as unset, because Compose passes `${NAME:-}` on as an empty string.
 * @throws {ConfigError} with every problem in one message
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')} ${message}`);
  throw new ConfigError(`A replica cannot start with these settings:\n${lines.join('\n')}`);
}

/** Signs cookies where nobody has set SESSION_SECRETS. Public, so production refuses to start with it. */
export const developmentSecret = 'not-a-secret-for-development-only';
const shortestSecret = 32;

function integer(standard: number, min: number, max: number) {
  const problem = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .default(String(standard))
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: withValue(problem),
    })
    .transform(Number);
}

function oneOf<const T extends string>(standard: T, others: readonly T[]) {
  const all = [standard, ...others];
  return z.enum(all, { error: withValue(`must be one of ${all.join(', ')}`) }).default(() => standard as never);
}

function withValue(problem: string) {
  return ({ input }: { input?: unknown }) => `${problem}, not ${JSON.stringify(input)}`;
}

const secrets = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .refine((list) => list.every((secret) => secret.length >= shortestSecret), {
    error: `must be secrets of ${shortestSecret} characters or more, separated by commas, the newest first (make one: openssl rand -hex 32)`,
  });

const schema = z
  .object({
    NODE_ENV: oneOf('development', ['production', 'test']),
    REPLICA: z
      .string()
      .regex(/^[\w.-]{1,64}$/, { error: withValue('must be 1 to 64 letters, digits, dots, dashes or underscores') })
      .default(() => os.hostname()),
    APP_VERSION: z
      .string()
      .regex(/^[\w.+-]{1,64}$/, {
        error: withValue('must be 1 to 64 letters, digits, dots, dashes, plus signs or underscores'),
      })
      .default(pkg.version),
    HOST: z.string().default('127.0.0.1'),
    PORT: integer(3000, 0, 65535),
    ADMIN_PORT: integer(9464, 0, 65535),
    REDIS_URL: z
      .string()
      // The value may hold a password, so it is not shown.
      .refine((text) => /^rediss?:\/\//.test(text) && URL.canParse(text), {
        error: 'must be a URL that starts with redis:// or rediss://',
      })
      .default('redis://127.0.0.1:6379'),
    SESSION_STORE: oneOf('durable', ['plain', 'memory']),
    SESSION_SECRETS: secrets.optional(),
    SESSION_IDLE_SECONDS: integer(3600, 1, 31_536_000),
    SESSION_ABSOLUTE_SECONDS: integer(43_200, 1, 31_536_000),
    SESSION_MAX_BYTES: integer(16_384, 256, 1_048_576),
    SESSION_MAX_PER_USER: integer(100, 1, 1000),
    SESSION_MIGRATE_FROM: z.string().max(128).optional(),
    STORE_DEADLINE_MS: integer(500, 1, 60_000),
    DRAIN_DELAY_MS: integer(500, 0, 60_000),
    DRAIN_GRACE_MS: integer(5000, 1, 600_000),
    METRICS: oneOf('on', ['off']),
    LOG_LEVEL: oneOf('info', ['trace', 'debug', 'warn', 'error', 'fatal', 'silent']),
  })
  .refine(({ NODE_ENV, SESSION_SECRETS }) => NODE_ENV !== 'production' || SESSION_SECRETS !== undefined, {
    path: ['SESSION_SECRETS'],
    error: 'must be set with NODE_ENV=production (make one: openssl rand -hex 32)',
    // By default zod leaves this out where another setting is wrong; here every problem goes into one message.
    when: ({ issues }) => !issues.some(({ path }) => path?.[0] === 'SESSION_SECRETS'),
  })
  .transform((settings) => ({
    production: settings.NODE_ENV === 'production',
    replica: settings.REPLICA,
    version: settings.APP_VERSION,
    host: settings.HOST,
    port: settings.PORT,
    adminPort: settings.ADMIN_PORT,
    redisUrl: settings.REDIS_URL,
    store: settings.SESSION_STORE,
    secrets: settings.SESSION_SECRETS ?? [developmentSecret],
    secretsAreForDevelopment: settings.SESSION_SECRETS === undefined,
    idleSeconds: settings.SESSION_IDLE_SECONDS,
    absoluteSeconds: settings.SESSION_ABSOLUTE_SECONDS,
    maxBytes: settings.SESSION_MAX_BYTES,
    maxPerUser: settings.SESSION_MAX_PER_USER,
    migrateFrom: settings.SESSION_MIGRATE_FROM,
    storeDeadlineMs: settings.STORE_DEADLINE_MS,
    drainDelayMs: settings.DRAIN_DELAY_MS,
    drainGraceMs: settings.DRAIN_GRACE_MS,
    metrics: settings.METRICS === 'on',
    logLevel: settings.LOG_LEVEL,
  }));
