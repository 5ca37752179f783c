import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import type { Operation, Outcome } from './history.ts';
import { createRandom } from './random.ts';

/** Users who remember what they were told. */
export interface Users {
  readonly operations: Operation[];
  /** The session cookie of each user, as a Cookie header. */
  cookies(): string[];
  logIn(): Promise<void>;
  /** Each user does one thing after the other (adds, reads, asks who it is) until the signal aborts. */
  stayBusy(until: AbortSignal): Promise<void>;
  /** Each user looks once more at who it is and what it has: without this, losses hide. */
  lookAgain(): Promise<void>;
  close(): Promise<void>;
}

interface User {
  id: string;
  name: string;
  cookie: string;
  added: number;
  random: () => number;
}

interface Change {
  method: 'GET' | 'POST';
  path: string;
  body?: object;
}

const connections = 32;
/** How long a user thinks between two requests, on average. */
const thinkMs = 400;
const timeoutMs = 10_000;
/** A session has a bound of 16 KiB: in a long run, users go on reading. */
const mostAdds = 250;

/**
 * Makes users of the site at `url`, who share a few dozen connections without pipelining.
 *
 * autocannon is no witness: on a cut connection it reconnects without counting what it lost, and credits later answers
 * to the wrong requests. undici's Client ends every request in exactly one way.
 * @param now milliseconds since the run began
 */
export function createUsers(url: string, count: number, seed: number, now: () => number): Users {
  const users = Array.from({ length: count }, (_, index): User => {
    const number = String(index + 1).padStart(4, '0');
    // Each has random numbers of its own: what one does does not depend on who is faster.
    const random = createRandom(seed + index);
    return { id: `user-${number}`, name: `User ${number}`, cookie: '', added: 0, random };
  });
  const operations: Operation[] = [];
  const lanes = Array.from({ length: Math.min(connections, count) }, (_, lane) => ({
    client: new Client(url, {
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: timeoutMs },
    }),
    users: users.filter((_, index) => index % connections === lane),
  }));

  /** Sends one request and records how it ended, and what it showed. */
  async function operate(client: Client, user: User, kind: Operation['kind'], change: Change, sku?: string) {
    const operation = { user: user.id, kind, ...(sku && { sku }), start: now() };
    const { method, path, body } = change;
    const headers = {
      ...(user.cookie && { cookie: user.cookie }),
      ...(body && { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
    };
    try {
      const answer = await client.request({ method, path, headers, body: body ? JSON.stringify(body) : null });
      const text = await answer.body.text();
      keepCookie(user, answer.headers['set-cookie']);
      const status = answer.statusCode;
      const replica = String(answer.headers['x-served-by'] ?? '') || null;
      operations.push({
        ...operation,
        end: now(),
        outcome: outcomeOf(status),
        status,
        replica,
        ...sawIn(kind, status, text),
      });
    } catch (err) {
      const { code, message } = err as { code?: string; message: string };
      const outcome = neverSent.has(code ?? '') ? 'fail' : 'unknown';
      operations.push({ ...operation, end: now(), outcome, status: null, replica: null, error: code ?? message });
    }
  }

  async function act(client: Client, user: User) {
    const choice = user.random();
    if (choice < 0.4 && user.added < mostAdds) {
      user.added += 1;
      const sku = `${user.id}.${user.added}`;
      return operate(client, user, 'add', { method: 'POST', path: '/cart/items', body: { sku, quantity: 1 } }, sku);
    }
    if (choice < 0.7) return operate(client, user, 'cart', { method: 'GET', path: '/cart' });
    return operate(client, user, 'profile', { method: 'GET', path: '/profile' });
  }

  const eachUser = (task: (client: Client, user: User) => Promise<void>) =>
    Promise.all(
      lanes.map(async (lane) => {
        for (const user of lane.users) await task(lane.client, user);
      }),
    ).then(() => {});

  return {
    operations,
    cookies: () => users.map(({ cookie }) => cookie),
    logIn: () =>
      eachUser((client, user) =>
        operate(client, user, 'login', { method: 'POST', path: '/login', body: { name: user.name } }),
      ),
    async stayBusy(until) {
      const work = lanes.map(async ({ client, users: mine }) => {
        const [first] = mine;
        await sleep((first?.random() ?? 0) * thinkMs, undefined, { signal: until }).catch(() => {});
        while (!until.aborted) {
          for (const user of mine) {
            if (until.aborted) return;
            await act(client, user);
            await sleep((user.random() * 2 * thinkMs) / mine.length, undefined, { signal: until }).catch(() => {});
          }
        }
      });
      await Promise.all(work);
    },
    async lookAgain() {
      await eachUser((client, user) => operate(client, user, 'profile', { method: 'GET', path: '/profile' }));
      await eachUser((client, user) => operate(client, user, 'cart', { method: 'GET', path: '/cart' }));
    },
    close: () => Promise.all(lanes.map(({ client }) => client.destroy())).then(() => {}),
  };
}

const neverSent = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);

/** nginx answers 502 and 504 where it does not know what became of a request that it has passed on. */
function outcomeOf(status: number): Outcome {
  if (status < 500) return status < 400 || status === 401 ? 'ok' : 'fail';
  return status === 503 ? 'fail' : 'unknown';
}

function keepCookie(user: User, header: string | string[] | undefined): void {
  for (const line of [header ?? []].flat()) {
    if (line.startsWith('sid=')) user.cookie = line.split(';', 1)[0] ?? '';
  }
}

function sawIn(kind: Operation['kind'], status: number, text: string): Pick<Operation, 'sawUser' | 'sawSkus'> {
  if (kind === 'profile' && status === 401) return { sawUser: null };
  if (status !== 200) return {};
  if (kind === 'profile') return { sawUser: (JSON.parse(text) as { user: { id: string } }).user.id };
  if (kind === 'cart')
    return { sawSkus: (JSON.parse(text) as { items: { sku: string }[] }).items.map(({ sku }) => sku) };
  return {};
}
