import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Request, type RequestHandler, Router } from 'express';
import { ipKeyGenerator, rateLimit, type Store } from 'express-rate-limit';
import type { Context } from '../context.ts';
import { Problem } from '../errors.ts';
import type { Redis } from '../redis.ts';
import { userIdOf } from '../routes/login.ts';

const windowMs = 60_000;

/**
 * Limits the logins of a minute, over all replicas: 429. Those of an account, because passwords are guessed from many
 * addresses, and those of an address, because one tries many accounts. Both are counted in Redis; without it they pass, and
 * the login itself is 503.
 */
export function createLoginLimit({ config, redis }: Context): RequestHandler {
  const { loginsPerAccount, loginsPerAddress, storeDeadlineMs } = config;
  if (!redis) return (_req, _res, next) => next();
  const limit = (logins: number, prefix: string, keyOf: (req: Request) => string) =>
    rateLimit({
      windowMs,
      limit: logins,
      keyGenerator: keyOf,
      store: createCounters(redis, prefix, storeDeadlineMs),
      standardHeaders: false,
      legacyHeaders: false,
      handler: (req, _res, next) => next(tooManyLogins((req as Counted).rateLimit?.resetTime)),
    });
  const limits = Router();
  if (loginsPerAddress > 0)
    limits.use(limit(loginsPerAddress, 'session:logins:address:', (req) => ipKeyGenerator(req.ip ?? '')));
  if (loginsPerAccount > 0)
    limits.use(limit(loginsPerAccount, 'session:logins:account:', ({ body }) => hash(userIdOf(body.name))));
  // All other requests pass it by: express-rate-limit is asynchronous even for those that it skips.
  return function limitLogins(req, res, next) {
    if (isLogin(req)) limits(req, res, next);
    else next();
  };
}

interface Counted extends Request {
  rateLimit?: { resetTime?: Date };
}

/** Keys have one length, and reveal no names. */
const hash = (text: string) => createHash('sha256').update(text).digest('base64url');

/** One without a name is refused anyway. */
function isLogin({ method, path, body }: Request): boolean {
  return method === 'POST' && (path === '/login' || path === '/page/login') && typeof body?.name === 'string';
}

function tooManyLogins(resetTime = new Date(Date.now() + windowMs)): Problem {
  const seconds = Math.max(1, Math.ceil((resetTime.getTime() - Date.now()) / 1000));
  const detail = `This account or this address has tried to log in too often; nothing was changed. Try again in ${seconds} s.`;
  return new Problem('too-many-logins', detail, { headers: { 'Retry-After': String(seconds) } });
}

const count = `
  local hits = redis.call('INCR', KEYS[1])
  if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  return {hits, redis.call('PTTL', KEYS[1])}`;

/** Counters that all replicas share. Not rate-limit-redis: it waits without end for a Redis that hangs. */
function createCounters(redis: Redis, prefix: string, deadlineMs: number): Store {
  return {
    prefix,
    async increment(key) {
      const call = redis.sendCommand(['EVAL', count, '1', prefix + key, String(windowMs)]);
      const reply = await Promise.race([call, sleep(deadlineMs, undefined, { ref: false })]).catch(() => undefined);
      if (!reply) return { totalHits: 1, resetTime: undefined };
      const [totalHits, leftMs] = reply as unknown as [number, number];
      return { totalHits, resetTime: new Date(Date.now() + leftMs) };
    },
    decrement() {},
    resetKey() {},
  };
}
