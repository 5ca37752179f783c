import type { CookieOptions } from 'express';
import type { Store } from 'express-session';

export interface SessionsOptions {
  store: Store;
  /** The first signs, all verify: put a new one first, and take the old one away once its cookies have ended. */
  secrets: string[];
  /** Give the cookie out over TLS alone. */
  secureOnly?: boolean;
  /** The cookie of the set-up that went before (express-session's own name is connect.sid): it is taken for ours. */
  migrateCookie?: string | undefined;
  /** How long the cookie lives; by default as long as the store keeps a session that is not used. */
  idleSeconds?: number;
  /** The cookie's name; by default sid, and over TLS __Host-sid, unless the cookie has a domain or a path. */
  name?: string;
  /** What the cookie is given out with, over the defaults: HttpOnly, SameSite=Strict, Path=/, and Secure over TLS. */
  cookie?: CookieChoices;
}

/** A cookie that must come along with links and redirects from other sites, as of OAuth, needs `sameSite: 'lax'`. */
export type CookieChoices = Pick<
  CookieOptions,
  'sameSite' | 'domain' | 'path' | 'secure' | 'httpOnly' | 'partitioned' | 'priority'
>;

/** A secret of 32 random characters of base64 cannot be guessed; development's own is as long. */
const minSecretLength = 16;

const isSecret = (secret: unknown) => typeof secret === 'string' && secret.length >= minSecretLength;
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isText = (value: unknown) => typeof value === 'string' && /^[\x21-\x3a\x3c-\x7e]+$/.test(value);
/** A cookie's name is a token (RFC 6265, 4.1.1). */
const isName = (value: unknown) => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value);
const isOneOf =
  (...values: unknown[]) =>
  (value: unknown) =>
    values.includes(value);

/** What an option must be, in words, and whether a value is that. */
type Rule = [what: string, isRight: (value: unknown) => boolean];
const positive: Rule = ['a positive number', (value) => Number.isFinite(value) && (value as number) > 0];
const count: Rule = ['a whole number, 1 or more', (value) => Number.isInteger(value) && (value as number) >= 1];
const functionOf: Rule = ['a function', (value) => typeof value === 'function'];
const cookieName: Rule = ['the name of a cookie', isName];
const yesOrNo: Rule = ['true or false', isBoolean];

const sessionsRules: Record<string, Rule> = {
  store: ['a store of express-session', (value) => typeof (value as Store | undefined)?.get === 'function'],
  secrets: [
    `a list of strings of at least ${minSecretLength} characters each`,
    (value) => Array.isArray(value) && value.length > 0 && value.every(isSecret),
  ],
  secureOnly: yesOrNo,
  migrateCookie: cookieName,
  idleSeconds: positive,
  name: cookieName,
  cookie: ['an object', (value) => typeof value === 'object' && value !== null],
  'cookie.sameSite': ["'strict', 'lax', 'none' or a boolean", isOneOf('strict', 'lax', 'none', true, false)],
  'cookie.domain': ['a domain', isText],
  'cookie.path': ["a path that begins with '/'", (value) => isText(value) && (value as string).startsWith('/')],
  'cookie.secure': yesOrNo,
  'cookie.httpOnly': yesOrNo,
  'cookie.partitioned': yesOrNo,
  'cookie.priority': ["'low', 'medium' or 'high'", isOneOf('low', 'medium', 'high')],
};

/** A pool has no `isReady`; a Cluster has one, and slots. */
const isClient = (value: unknown) => {
  const client = value as { getEx?: unknown; evalSha?: unknown; isReady?: unknown; slots?: unknown } | undefined;
  if (client?.slots !== undefined) return false;
  return typeof client?.getEx === 'function' && typeof client.evalSha === 'function' && isBoolean(client.isReady);
};

const storeRules: Record<string, Rule> = {
  client: ["a client of node-redis's createClient, not of a Cluster or a pool", isClient],
  prefix: ['a string', (value) => typeof value === 'string'],
  idleSeconds: count, // as Redis takes it
  absoluteSeconds: positive,
  deadlineMs: positive,
  maxBytes: positive,
  maxPerUser: ['a positive number, or Infinity', (value) => typeof value === 'number' && value >= 1],
  userOf: functionOf,
  migrateFrom: ['a string', (value) => typeof value === 'string'],
  observe: functionOf,
};

/** @throws {TypeError} that names the option which is unknown, missing or wrong */
export function checkOptions(options: SessionsOptions): void {
  const cookie = Object.entries(options.cookie ?? {}).map(([name, value]) => [`cookie.${name}`, value] as const);
  check('createSessions', sessionsRules, ['store', 'secrets'], [...Object.entries(options), ...cookie]);
}

/** @throws {TypeError} likewise, for those of a DurableStore */
export function checkStoreOptions(options: object): void {
  check('DurableStore', storeRules, ['client'], Object.entries(options));
}

function check(
  of: string,
  rules: Record<string, Rule>,
  required: string[],
  given: (readonly [string, unknown])[],
): void {
  const values = [...required.map((name) => [name, undefined] as const), ...given];
  for (const [name, value] of new Map(values)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) throw new TypeError(`${of} has no option ${name}`);
    const [what, isRight] = rule;
    const isLeftOut = value === undefined && !required.includes(name);
    if (!isLeftOut && !isRight(value)) throw new TypeError(`${of}: ${name} must be ${what}`);
  }
}
