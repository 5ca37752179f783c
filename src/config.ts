import { readFileSync } from 'node:fs';
import os from 'node:os';
import { z } from 'zod';
import pkg from '../package.json' with { type: 'json' };

/** The settings of a replica, read once from the environment. docs/operating.md lists them. */
export type Config = Readonly<Settings & { secrets: string[]; secretsAreForDevelopment: boolean }>;

type Settings = { [Name in keyof typeof settings]: z.infer<(typeof settings)[Name][1]> };

/** Thrown by readConfig. Its message names every wrong setting and what it must be, and never shows a secret. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the environment into a frozen Config. What is secret may be in a file (SESSION_SECRETS_FILE, REDIS_URL_FILE,
 * REDIS_SENTINEL_URL_FILE), as Docker and Kubernetes provide it.
 *
 * An empty value counts as unset, because Compose passes `${NAME:-}` as an empty string.
 * @throws {ConfigError} with every problem in one message
 */
export function readConfig(environment: Environment): Config {
  const problems: string[] = [];
  const env = { ...environment, ...readFiles(environment, problems) };
  const usual = env.NODE_ENV === 'production' ? productionDefaults : {};
  const values = Object.entries(settings).map(([name, [variable, schema]]) => {
    const { data, error } = schema.safeParse(env[variable] || usual[variable] || undefined);
    if (error) problems.push(`${variable} ${error.issues[0]?.message}`);
    return [name, data];
  });
  const read = Object.fromEntries(values) as Settings;
  if (read.production && !env.SESSION_SECRETS && !env.SESSION_SECRETS_FILE)
    problems.push('SESSION_SECRETS must be set with NODE_ENV=production (make one: openssl rand -hex 32)');
  const weak = read.production ? read.secrets?.map(weaknessOf).find((weakness) => weakness !== undefined) : undefined;
  if (weak)
    problems.push(
      `SESSION_SECRETS must be random with NODE_ENV=production: one ${weak} (make one: openssl rand -hex 32)`,
    );
  if (read.production && read.redisUrl?.includes(developmentPassword))
    problems.push(
      'REDIS_URL must not have the public password with NODE_ENV=production (make one: openssl rand -hex 32)',
    );
  for (const [variable, addresses] of [
    ['REDIS_SENTINELS', read.redisSentinels],
    ['REDIS_CLUSTER', read.redisCluster],
  ] as const)
    if (addresses && read.store !== 'durable')
      problems.push(`${variable} must not be set with SESSION_STORE=plain or memory: only durable follows them`);
  if (read.redisCluster && read.redisSentinels)
    problems.push('REDIS_CLUSTER must not be set beside REDIS_SENTINELS: it is one or the other');
  if (read.redisCluster && read.migrateFrom)
    problems.push('SESSION_MIGRATE_FROM must not be set with REDIS_CLUSTER: sessions are taken over on one Redis');
  if (read.redisCluster && /\/0*[1-9]\d*$/.test(read.redisUrl ?? ''))
    problems.push('REDIS_URL must not name a database with REDIS_CLUSTER, which has only one');
  if (problems.length > 0)
    throw new ConfigError(`A replica cannot start with these settings:\n  ${problems.join('\n  ')}`);
  const { secrets = [developmentSecret] } = read;
  return Object.freeze({ ...read, secrets, secretsAreForDevelopment: !read.secrets });
}

/** Signs cookies if SESSION_SECRETS is not set. It is public, so production refuses to start without secrets. */
export const developmentSecret = 'not-a-secret-for-development-only';
/** The password of Redis in containers if REDIS_URL_FILE is not set (deploy/redis/development-url): as public as that. */
const developmentPassword = 'not-a-password-for-development-only';
const minSecretLength = 32;

type Environment = Record<string, string | undefined>;

/** Where they differ from those of development, which limits no logins: load tests come from one address. */
const productionDefaults: Environment = { LOGINS_PER_ACCOUNT: '10', LOGINS_PER_ADDRESS: '100' };

/** The contents of the files that are named instead of a value. */
function readFiles(env: Environment, problems: string[]): Environment {
  const found: Environment = {};
  for (const name of ['SESSION_SECRETS', 'REDIS_URL', 'REDIS_SENTINEL_URL']) {
    const file = env[`${name}_FILE`];
    if (!file) continue;
    if (env[name]) problems.push(`${name}_FILE must not be set beside ${name}`);
    try {
      found[name] = readFileSync(file, 'utf8').trim();
      if (!found[name]) problems.push(`${name}_FILE must not be empty: ${file}`);
    } catch (err) {
      problems.push(`${name}_FILE must be a file that can be read: ${(err as Error).message}`);
    }
  }
  return found;
}

const minDifferentCharacters = 10;
const placeholder = /change.?(it|me|this)|example|keyboard.?cat|password|secret|your[-_. ]/i;

/** Why an attacker may guess a secret; undefined if it looks random. */
function weaknessOf(secret: string): string | undefined {
  if (secret === developmentSecret) return 'is the public one of this project';
  if (placeholder.test(secret)) return 'is a placeholder';
  if (/^(.+?)\1+$/.test(secret) || new Set(secret).size < minDifferentCharacters) return 'repeats itself';
  return undefined;
}

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

function text(pattern: RegExp, content: string) {
  return z.string().regex(pattern, { error: withValue(`must be ${content}`) });
}

/** The value may hold a password, so it is not shown. */
function redisUrl() {
  return z
    .string()
    .refine((url) => /^rediss?:\/\//.test(url) && URL.canParse(url), {
      error: 'must be a URL that starts with redis:// or rediss://',
    })
    .refine((url) => !URL.canParse(url) || /^\/?\d*$/.test(new URL(url).pathname), {
      error: 'must end with its host or port, or with the number of a database: redis://host:6379/0',
    });
}

function addresses() {
  return z
    .string()
    .transform((list) => list.split(',').map((one) => /^(?:\[(.+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(one.trim())))
    .refine((list) => list.every((one) => one && Number(one[3]) <= 65535), {
      error: 'must be a list of addresses, host:port,host:port',
    })
    .transform((list) => list.map((one) => ({ host: one?.[1] ?? one?.[2] ?? '', port: Number(one?.[3]) })))
    .optional();
}

function withValue(problem: string) {
  return ({ input }: { input?: unknown }) => `${problem}, not ${JSON.stringify(input)}`;
}

/** Each setting: its environment variable and what it must be. */
export const settings = {
  production: ['NODE_ENV', oneOf('development', ['production', 'test']).transform((name) => name === 'production')],
  replica: [
    'REPLICA',
    text(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, dots, dashes or underscores').default(() => os.hostname()),
  ],
  version: [
    'APP_VERSION',
    text(/^[\w.+-]{1,64}$/, '1 to 64 letters, digits, dots, dashes, plus signs or underscores').default(pkg.version),
  ],
  host: ['HOST', z.string().default('127.0.0.1')],
  port: ['PORT', integer(3000, 0, 65535)],
  adminPort: ['ADMIN_PORT', integer(9464, 0, 65535)],
  redisUrl: ['REDIS_URL', redisUrl().default('redis://127.0.0.1:6379')],
  redisSentinels: ['REDIS_SENTINELS', addresses()],
  redisSentinelUrl: ['REDIS_SENTINEL_URL', redisUrl().optional()],
  redisMaster: ['REDIS_MASTER', z.string().default('mymaster')],
  redisCluster: ['REDIS_CLUSTER', addresses()],
  waitReplicas: ['REDIS_WAIT_REPLICAS', text(/^\d$/, 'a number from 0 to 9').transform(Number).optional()],
  store: ['SESSION_STORE', oneOf('durable', ['plain', 'memory'])],
  secrets: [
    'SESSION_SECRETS',
    z
      .string()
      .transform((list) => list.split(/[\n,]/).map((secret) => secret.trim()))
      .refine((list) => list.every((secret) => secret.length >= minSecretLength), {
        error: `must be secrets of ${minSecretLength} characters or more, separated by commas or line feeds, the newest first (make one: openssl rand -hex 32)`,
      })
      .optional(),
  ],
  idleSeconds: ['SESSION_IDLE_SECONDS', integer(3600, 1, 31_536_000)],
  absoluteSeconds: ['SESSION_ABSOLUTE_SECONDS', integer(43_200, 1, 31_536_000)],
  maxBytes: ['SESSION_MAX_BYTES', integer(16_384, 256, 1_048_576)],
  maxPerUser: ['SESSION_MAX_PER_USER', integer(100, 1, 1000)],
  migrateFrom: ['SESSION_MIGRATE_FROM', z.string().max(128).optional()],
  anonymousPercent: ['SESSION_ANONYMOUS_PERCENT', integer(80, 1, 100)],
  storeDeadlineMs: ['STORE_DEADLINE_MS', integer(500, 1, 60_000)],
  storePatienceMs: ['STORE_PATIENCE_MS', integer(0, 0, 60_000)],
  maxInProgress: ['MAX_REQUESTS_IN_PROGRESS', integer(1000, 1, 1_000_000)],
  loginsPerAccount: ['LOGINS_PER_ACCOUNT', integer(0, 0, 1_000_000)],
  loginsPerAddress: ['LOGINS_PER_ADDRESS', integer(0, 0, 1_000_000)],
  drainDelayMs: ['DRAIN_DELAY_MS', integer(500, 0, 60_000)],
  drainGraceMs: ['DRAIN_GRACE_MS', integer(5000, 1, 600_000)],
  metrics: ['METRICS', oneOf('on', ['off']).transform((choice) => choice === 'on')],
  logLevel: ['LOG_LEVEL', oneOf('info', ['trace', 'debug', 'warn', 'error', 'fatal', 'silent'])],
} as const satisfies Record<string, readonly [variable: string, schema: z.ZodType]>;
