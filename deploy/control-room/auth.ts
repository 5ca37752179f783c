import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Refusal } from './protocol.ts';

/**
 * Keeps other sites' pages away from the room: a foreign name that resolves to 127.0.0.1 (DNS rebinding) is recognised by
 * `Host`, a request of a foreign page by `Origin` and `Sec-Fetch-Site`.
 * @returns why a request is refused, whatever it asks for
 */
export function refuseForeignOrigin({ headers }: IncomingMessage, port: number): Refusal | undefined {
  const { host = '', origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!names.includes(host)) return { status: 403, reason: `Open the room at http://127.0.0.1:${port}.` };
  const isOwnOrigin = origin === undefined || origin === `http://${host}`;
  // A link to the room may be anywhere: following it shows a page that needs the token.
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none' || mode === 'navigate';
  if (isOwnOrigin && isOwnSite) return undefined;
  return { status: 403, reason: 'Only the room’s own page may send this request.' };
}

/** @returns why a request is refused: it must have the token in `Authorization: Bearer …` */
export function refuseWithoutToken({ headers }: IncomingMessage, token: string): Refusal | undefined {
  const [, given = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
  if (isSame(given, token)) return undefined;
  return { status: 401, reason: 'Open the link that the command printed: it contains the key of this room.' };
}

/** Takes the same time wherever the texts differ; digests hide their length. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** On every response: no site may frame the page or read its data, and nothing is cached. */
export const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};
