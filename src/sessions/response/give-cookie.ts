import type { CookieOptions } from 'express';
import type { SessionData } from 'express-session';
import { clearCookieLine, isSecure, setCookieLine, signId } from './cookie.ts';
import type { AnyRequest, AnyResponse, RequestState } from '../state.ts';
import type { DurableStore } from '../store.ts';

export interface CookieSettings {
  name: string;
  secret: string;
  cookieFor(req: AnyRequest): CookieOptions;
  idleSeconds: number;
}

/** Gives the cookie out where its id is new or its session changes, and at half its life; or clears it. */
export function setCookie(
  store: DurableStore,
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  { name, secret, cookieFor, idleSeconds }: CookieSettings,
  isChanged: boolean,
): void {
  const { cookie: presented, startedAt } = state;
  if (state.clearsCookie) return void res.appendHeader('Set-Cookie', clearCookieLine(name, cookieFor(req)));
  const { sessionID: id } = req;
  const isStored = store.hasSession(req) && (store.storedFor(req) !== undefined || isChanged);
  if (!isStored || id === undefined) return;
  const isNew = id !== presented?.id;
  const isPublic = /\bpublic\b/.test(String(res.getHeader('Cache-Control') ?? ''));
  const isOld = presented?.at === undefined || isDue(startedAt - presented.at, idleSeconds * 1000);
  if (!isNew && !isChanged && (!isOld || isPublic)) return;
  const { cookie } = req.session as SessionData;
  if (cookie.secure === true && !isSecure(req)) return;
  res.appendHeader('Set-Cookie', setCookieLine(name, signId(id, startedAt, secret), cookie));
}

/** A cookie from the future was given out by a replica whose clock is wrong, before it knew that of Redis. */
function isDue(ageMs: number, lifeMs: number): boolean {
  return ageMs >= lifeMs / 2 || ageMs < -60_000;
}

/** Takes it out of a response that is replaced; other cookies stay. */
export function withoutCookie(res: AnyResponse, name: string): void {
  const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String);
  const others = lines.filter((line) => !line.startsWith(`${name}=`));
  if (others.length > 0) res.setHeader('Set-Cookie', others);
  else res.removeHeader('Set-Cookie');
}
