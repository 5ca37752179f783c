import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { cookieIn } from '../users/site.ts';

/** A logged-in user with a cart, whose data no other request may show or change. */
export interface FuzzVictim {
  cookie: string;
  /** In this user's name and cart, and in no request. */
  marker: string;
  /** Checks this user's own data again and again. @returns a handle; `end` resolves to the number of checks */
  watch(report: (what: string) => void): { end(): Promise<number> };
}

const lookEveryMs = 20;
const timeoutMs = 5000;

/** @throws {FleetError} if the site does not let it log in */
export async function createVictim(http: string): Promise<FuzzVictim> {
  const marker = `victim-${crypto.randomUUID()}`;
  let cookie = '';
  const send = async (method: string, path: string, body?: object) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
    const response = await fetch(http + path, { method, headers, signal, body: body ? JSON.stringify(body) : null });
    cookie = cookieIn(response.headers.getSetCookie()) ?? cookie;
    return { status: response.status, text: await response.text() };
  };
  const login = await send('POST', '/login', { name: marker });
  const added = await send('POST', '/cart/items', { sku: marker, quantity: 1 });
  if (login.status !== 200 || added.status !== 201)
    throw new FleetError(
      `the site at ${http} answers a login with ${login.status}: fuzz needs a fleet in development mode`,
    );
  const expected = await Promise.all([send('GET', '/profile'), send('GET', '/cart')]);

  async function look(report: (what: string) => void): Promise<void> {
    for (const [index, path] of ['/profile', '/cart'].entries()) {
      try {
        const { status, text } = await send('GET', path);
        if (status !== 200 || text !== expected[index]?.text)
          report(`a user who was logged in got another ${path}: ${status}`);
      } catch (err) {
        report(`a user who was logged in got no ${path}: ${(err as Error).message}`);
      }
    }
  }

  return {
    cookie: decodeURIComponent(cookie), // else a change of %3A to %3a would be none
    marker,
    watch(report) {
      let isOver = false;
      let looks = 0;
      const watching = (async () => {
        for (; !isOver; looks++) {
          await look(report);
          await sleep(lookEveryMs);
        }
      })();
      return {
        async end() {
          isOver = true;
          await watching;
          return looks;
        },
      };
    },
  };
}
