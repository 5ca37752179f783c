import type { CookieOptions } from 'express';
import type { SessionData } from 'express-session';
import { lifetimeOf } from '../record.ts';
import { hasSession, storedFor } from '../request/attach.ts';
import { RequestSession } from '../request/session.ts';
import type { AnyRequest, AnyResponse, RequestState } from '../request/state.ts';
import { clearCookieLine, isSecure, setCookieLine, signId } from './cookie.ts';

export interface CookieSettings {
  name: string;
  secret: string;
  cookieFor(req: AnyRequest): CookieOptions;
  idleMs: number;
  /** Every response carries it. */
  rolling: boolean;
}

/** Gives the cookie out if its id is new, its settings have changed, or half its life is over; or clears it. */
export function setCookie(
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  settings: CookieSettings,
  isChanged: boolean,
): void {
  const { name, secret, cookieFor, idleMs } = settings;
  if (state.clearsCookie) return void addCookie(res, clearCookieLine(name, cookieFor(req)));
  const { sessionID: id } = req;
  const stored = storedFor(req);
  if (id === undefined || !hasSession(req) || (stored === undefined && !isChanged)) return;
  const { session } = state;
  const own = session instanceof RequestSession ? RequestSession.ownCookieOf(session) : (stored?.cookie ?? '');
  const lifeMs = lifetimeOf(own, idleMs);
  if (lifeMs <= 0) return void addCookie(res, clearCookieLine(name, cookieFor(req)));
  const isNew = id !== state.cookie?.id || (isChanged && own !== (stored?.cookie ?? ''));
  if (!isNew && !settings.rolling && (!isDue(state, lifeMs) || isPublic(res))) return;
  const { cookie } = req.session as SessionData;
  if (cookie.secure === true && !isSecure(req)) return;
  const value = signId({ id, at: state.startedAt, lifeMs: own === '' ? undefined : lifeMs }, secret);
  addCookie(res, setCookieLine(name, value, cookie));
}

/** As a list, like express-session: adapters for AWS Lambda look for cookies in lists. */
function addCookie(res: AnyResponse, line: string): void {
  res.appendHeader('Set-Cookie', [line]);
}

/** A cookie from the future was given out by a replica whose clock is wrong, before it knew that of Redis. */
function isDue({ cookie, startedAt }: RequestState, lifeMs: number): boolean {
  if (cookie?.at === undefined || cookie.isOutdated) return true;
  const ageMs = startedAt - cookie.at;
  return ageMs >= lifeMs / 2 || ageMs < -60_000;
}

/** A shared cache may keep such a response, and give it to others. */
function isPublic(res: AnyResponse): boolean {
  return /\bpublic\b/.test(String(res.getHeader('Cache-Control') ?? ''));
}

/** Takes it out of a response that is replaced; other cookies stay. */
export function withoutCookie(res: AnyResponse, name: string): void {
  const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String);
  const others = lines.filter((line) => !line.startsWith(`${name}=`));
  if (others.length > 0) res.setHeader('Set-Cookie', others);
  else res.removeHeader('Set-Cookie');
}
