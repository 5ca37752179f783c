import type { IncomingMessage } from 'node:http';
import type { CookieOptions } from 'express';
import type { SessionEvent } from './events.ts';
import type { Client } from './redis/client.ts';
import { ClusterClient } from './redis/servers/cluster.ts';

/** The attributes of a session: all that an application has put there. */
export type Attributes = Record<string, unknown>;

export interface SessionsOptions {
  /**
   * A node-redis client (`createClient`), or one of `followPrimary` or `followCluster`, connected or connecting. Whoever made it
   * closes it.
   */
  client: Client;
  /** The first signs, all verify: put a new one first, and remove the old one once its cookies have ended. */
  secrets: string[];
  /** The cookie's name; by default sid, and over TLS __Host-sid, unless the cookie has a domain or a path. */
  name?: string;
  /** What the cookie is given out with, over the defaults: HttpOnly, SameSite=Strict, Path=/, and Secure over TLS. */
  cookie?: CookieChoices;
  /** Every response carries the cookie; by default it is given out again at half its life. */
  rolling?: boolean;
  /** Makes the id of a new session; by default 192 random bits. */
  genid?: (req: IncomingMessage) => string;
  /** A session that is not used for so long ends (3600), unless `req.session.cookie.maxAge` says otherwise. */
  idleSeconds?: number;
  /** A session ends so long after it began (43200), used or not; later if its own maxAge is longer. */
  absoluteSeconds?: number;
  /** How long a call to Redis may take (500). */
  deadlineMs?: number;
  /** How long a call waits for a Redis that is away, as over a failover (0): then it is 503 store-unavailable. */
  patienceMs?: number;
  /**
   * How many replicas must have a change before it is acknowledged; too few of them in half of `deadlineMs` is 503
   * outcome-unknown. 1 for a client of `followPrimary` or `followCluster`, else 0.
   */
  waitReplicas?: number;
  /** The largest session, as JSON (16384). */
  maxBytes?: number;
  /** The most sessions of one user (100); one more ends the oldest. */
  maxPerUser?: number;
  /**
   * The share of Redis's memory (maxmemory) beyond which only sessions that have a user are written, such as 0.8: visitors who
   * are not logged in cannot take the rest from those who are. By default all are written; `userOf` must be right first.
   */
  anonymousShare?: number;
  /** Whose session it is; by default `session.user.id`. Undefined for a visitor who is not logged in. */
  userOf?: (session: Attributes) => unknown;
  /** Attributes of which the later of two concurrent changes is right, such as lastSeen: no 409 for them. */
  lastWriteWins?: string[];
  /** What the keys in Redis begin with (session:). */
  prefix?: string;
  /** The prefix of plain connect-redis, whose sessions are taken over as they are used, under a new id. */
  migrateFrom?: string | undefined;
  /** The name of the cookie of those (connect.sid). */
  migrateCookie?: string | undefined;
  /** Is called with what happens to sessions and in Redis, to count it: see SessionEvent. */
  observe?: (event: SessionEvent) => unknown;
}

/** A cookie that must come along with links and redirects from other sites, as of OAuth, needs `sameSite: 'lax'`. */
export type CookieChoices = Pick<
  CookieOptions,
  'sameSite' | 'domain' | 'path' | 'secure' | 'httpOnly' | 'partitioned' | 'priority'
>;

/** A secret of 32 random characters of base64 cannot be guessed; development's own is as long. */
const minSecretLength = 16;
/** 31 years: longer ones are beyond what Redis takes. */
const maxSeconds = 1e9;

const isSecret = (secret: unknown) => typeof secret === 'string' && secret.length >= minSecretLength;
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isString = (value: unknown) => typeof value === 'string';
const isText = (value: unknown) => isString(value) && /^[\x21-\x3a\x3c-\x7e]+$/.test(value as string);
/** A cookie's name is a token (RFC 6265, 4.1.1). */
const isName = (value: unknown) => isString(value) && /^[\w!#$%&'*+.^`|~-]+$/.test(value as string);
const isOneOf =
  (...values: unknown[]) =>
  (value: unknown) =>
    values.includes(value);
const isListOf = (isRight: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isRight);

/** A pool has no `isReady`; what createCluster makes has one, and slots. */
const isClient = (value: unknown) => {
  const client = value as { sendCommand?: unknown; isReady?: unknown; slots?: unknown } | null | undefined;
  if (client?.slots !== undefined) return false;
  return typeof client?.sendCommand === 'function' && isBoolean(client.isReady);
};

/** What an option must be, in words, and whether a value is that. */
type Rule = [what: string, isRight: (value: unknown) => boolean];
const upTo = (max: number): Rule => [
  `a positive number, at most ${max}`,
  (value) => Number.isFinite(value) && (value as number) > 0 && (value as number) <= max,
];
const functionOf: Rule = ['a function', (value) => typeof value === 'function'];
const cookieName: Rule = ['the name of a cookie', isName];
const yesOrNo: Rule = ['true or false', isBoolean];
const string: Rule = ['a string', isString];

const rules: Record<string, Rule> = {
  client: [
    "a client of node-redis's createClient, of followPrimary, or of followCluster, not of createCluster or a pool",
    isClient,
  ],
  secrets: [
    `a list of strings of at least ${minSecretLength} characters each`,
    (value) => isListOf(isSecret)(value) && (value as string[]).length > 0,
  ],
  name: cookieName,
  cookie: ['an object', (value) => typeof value === 'object' && value !== null],
  'cookie.sameSite': ["'strict', 'lax', 'none' or a boolean", isOneOf('strict', 'lax', 'none', true, false)],
  'cookie.domain': ['a domain', isText],
  'cookie.path': ["a path that begins with '/'", (value) => isText(value) && (value as string).startsWith('/')],
  'cookie.secure': yesOrNo,
  'cookie.httpOnly': yesOrNo,
  'cookie.partitioned': yesOrNo,
  'cookie.priority': ["'low', 'medium' or 'high'", isOneOf('low', 'medium', 'high')],
  rolling: yesOrNo,
  genid: functionOf,
  idleSeconds: upTo(maxSeconds),
  absoluteSeconds: upTo(maxSeconds),
  deadlineMs: upTo(60_000),
  patienceMs: ['a number from 0 to 60000', (value) => typeof value === 'number' && value >= 0 && value <= 60_000],
  waitReplicas: [
    'an integer from 0 to 100',
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100,
  ],
  maxBytes: upTo(512 * 1024 * 1024), // what a key in Redis holds
  maxPerUser: [
    'an integer, 1 or more, or Infinity',
    (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 1),
  ],
  anonymousShare: upTo(1),
  userOf: functionOf,
  lastWriteWins: ['a list of names of attributes', isListOf(isString)],
  prefix: string,
  migrateFrom: string,
  migrateCookie: cookieName,
  observe: functionOf,
};
const required = ['client', 'secrets'];

/**
 * @throws {TypeError} that names the option which is unknown, missing or wrong
 * @internal
 */
export function checkOptions(options: SessionsOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('createSessions needs an object of options');
  const cookie = Object.entries(options.cookie ?? {}).map(([name, value]) => [`cookie.${name}`, value] as const);
  const missing = required.map((name) => [name, undefined] as const);
  for (const [name, value] of new Map([...missing, ...Object.entries(options), ...cookie])) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) throw new TypeError(`createSessions has no option ${name}`);
    const [what, isRight] = rule;
    const isLeftOut = value === undefined && !required.includes(name);
    if (!isLeftOut && !isRight(value)) throw new TypeError(`createSessions: ${name} must be ${what}`);
  }
  if (!(options.client instanceof ClusterClient)) return;
  for (const name of ['genid', 'migrateFrom'] as const)
    if (options[name] !== undefined)
      throw new TypeError(
        `createSessions: ${name} must not be given with a Cluster, where an id says where its keys are`,
      );
}
