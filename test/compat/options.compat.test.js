import { readFileSync, writeFileSync } from 'node:fs';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { expect, test } from 'vitest';
import { createSessions } from '../../src/sessions/index.ts';
import { renderMarkdownTable, replaceBetweenMarkers } from '../../web/markdown.ts';
import { promises } from './options.js';
import { useRedis } from './redis.js';

// What express-session documents, option by option: over it, and over this layer. `WRITE=1 npm run test:compat` writes the
// table of the manual.

const redis = useRedis();
const rows = [];
const defaultSecret = 's'.repeat(32);

const asIs = (options) => {
  const store = new RedisStore({ client: redis.client, prefix: 'plain:' });
  return session({ secret: defaultSecret, resave: false, saveUninitialized: false, ...options, store });
};

/** The same options as this layer has them: what it does not know it must refuse. */
const asHere = ({ secret = defaultSecret, cookie, ...others }) => {
  const { maxAge, ...choices } = typeof cookie === 'function' ? { function: cookie } : (cookie ?? {});
  const idle = maxAge === undefined ? {} : { idleSeconds: maxAge / 1000 };
  const secrets = [secret].flat();
  return createSessions({ client: redis.client, secrets, ...idle, ...(cookie && { cookie: choices }), ...others });
};

test.each(Object.entries(promises))('%s', async (name, { see, why }) => {
  const expected = await see(asIs);
  const seen = await Promise.resolve()
    .then(() => see(asHere))
    .catch((err) => (err instanceof TypeError ? `refused: ${err.message}` : Promise.reject(err)));
  if (why === undefined) expect(seen).toEqual(expected);
  else expect(seen).not.toEqual(expected);
  if (why?.startsWith('refused')) expect(JSON.stringify(seen)).toContain('refused');
  rows.push([
    `\`${name}\``.replace('`the cookie by default`', 'the cookie by default'),
    why ? 'differs' : 'same',
    why ?? '',
  ]);
});

test('the table of the manual says what was seen', () => {
  const file = new URL('../../src/sessions/README.md', import.meta.url);
  const text = readFileSync(file, 'utf8');
  const table = renderMarkdownTable(['express-session', 'this layer', 'why it differs'], rows);
  const written = replaceBetweenMarkers(text, 'test:compat', table);
  if (process.env.WRITE) writeFileSync(file, written);
  else expect(text).toBe(written);
});
