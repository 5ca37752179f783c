import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Refused {
  status: 401 | 403;
  words: string;
}

/**
 * Another site's page must not be able to reach the room, let alone kill a replica. A name of its own that leads to 127.0.0.1
 * (DNS rebinding) is told by `Host`, a request that its page sends by `Origin` and `Sec-Fetch-Site`.
 * @returns why a request is refused, whatever it asks for
 */
export function refuseStranger({ headers }: IncomingMessage, port: number): Refused | undefined {
  const { host = '', origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!names.includes(host)) return { status: 403, words: `Open the room at http://127.0.0.1:${port}.` };
  if (origin !== undefined && origin !== `http://${host}`)
    return { status: 403, words: 'Only the room’s own page may ask this.' };
  // A link to the room may stand anywhere: following it shows a page that needs the token.
  const isOwn = site === undefined || site === 'same-origin' || site === 'none' || mode === 'navigate';
  return isOwn ? undefined : { status: 403, words: 'Only the room’s own page may ask this.' };
}

/** @returns why it may not see or do anything: it must have the token in `Authorization: Bearer …` */
export function refuseWithoutToken({ headers }: IncomingMessage, token: string): Refused | undefined {
  const [, given = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
  if (isSame(given, token)) return undefined;
  return { status: 401, words: 'Open the link that the command printed: it has the key to this room.' };
}

/** Takes as long whatever differs: of two digests the length tells nothing. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** On every answer. No site may frame the page or read what it is told, and nothing keeps it. */
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
