import type { SessionData } from 'express-session';
import { SessionError } from '../errors.ts';
import { lacksStore, tellFailed, tellReplayed } from '../events.ts';
import {
  hasKey,
  type KeptAnswer,
  nextUpdate,
  type Repeatable,
  readIdempotency,
  readKeptAnswer,
} from '../idempotency.ts';
import type { Held } from './hold.ts';
import type { AnyRequest, AnyResponse, RequestState } from '../state.ts';
import type { DurableStore } from '../store.ts';
import { takeCookie } from '../update.ts';

type Session = SessionData & { cookie: SessionData['cookie'] };

/** A larger response is not kept: its request takes effect once all the same, and a repeat is answered anew. */
const mostKeptBytes = 16_384;

export function hasChanged(store: DurableStore, req: AnyRequest, { pendingWrites, hasFailed }: RequestState): boolean {
  return !hasFailed && store.hasSession(req) && (pendingWrites > 0 || store.isRequestChanged(req));
}

/** Whether there is something to save, or to find: a repeat of a request gets what the first one got. */
export function hasWork(store: DurableStore, req: AnyRequest, res: AnyResponse, state: RequestState): boolean {
  if (state.hasFailed || !store.hasSession(req)) return false;
  if (res.statusCode >= 400 && lacksStore(req)) return true;
  const isRepeatable = hasKey(req) && store.storedFor(req) !== undefined;
  return hasChanged(store, req, state) || (isRepeatable && (res.statusCode >= 400 || state.updates === 0));
}

/**
 * Saves what the request has changed. A response that is complete is kept for repeats of the request.
 * @returns the first response, where this request is a repeat
 */
export async function commit(
  store: DurableStore,
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  held?: Held,
): Promise<KeptAnswer['sent']> {
  await null; // `end` writes the body after the head, in the same turn
  for (;;) {
    while (state.pendingWrites > 0) await state.writes;
    if (!store.hasSession(req) || state.hasFailed) return undefined;
    const isError = res.statusCode >= 400;
    if (isError && lacksStore(req)) {
      // The response says so: to try again would make it untrue, or late.
      store.reset(req);
      return undefined;
    }
    const body = held?.body();
    const stored = store.storedFor(req);
    const hadUpdates = state.updates > 0;
    const repeatable = readIdempotency(req, body === undefined ? nextUpdate(req) : 'answer');
    if (repeatable && stored && isError) {
      // The first time it went well: this time it may find that it is done already.
      const first = await findKept(store, req, repeatable);
      if (first) {
        store.reset(req);
        tellReplayed(store, req);
        return first;
      }
    }
    const isKept = repeatable && !isError;
    // What changes nothing is kept too, or a repeat would be answered anew; the result of an update is kept already.
    if (!store.isRequestChanged(req) && !(isKept && stored && !hadUpdates)) return undefined;
    const text = () => JSON.stringify(toKept(res, repeatable?.print ?? '', body));
    const changed = await store.save(
      req.sessionID as string,
      req.session as Session,
      isKept ? { field: repeatable.field, text } : undefined,
    );
    if (changed.outcome === 'replayed' && repeatable) {
      const { sent } = readKeptAnswer(changed.answer, repeatable);
      tellReplayed(store, req);
      return sent;
    }
    if (isKept || !hasChanged(store, req, state)) return undefined;
  }
}

/** The change cannot be saved: the session is as it stands. @returns the error, unless the response is one already */
export async function giveUp(store: DurableStore, req: AnyRequest, res: AnyResponse, err: unknown): Promise<unknown> {
  const hasEnded = err instanceof SessionError && err.code === 'session-ended';
  // The cookie of an id that was given at this very request still has to reach the visitor.
  if (hasEnded) await takeCookie(req, store);
  else store.reset(req);
  if (res.statusCode >= 400) return undefined;
  tellFailed(store, req, err);
  return err;
}

async function findKept(store: DurableStore, req: AnyRequest, repeatable: Repeatable): Promise<KeptAnswer['sent']> {
  const key = `${store.keyOf(req.sessionID as string)}:answers`;
  const text = await store.calls.read('find', (redis) => redis.hGet(key, repeatable.field));
  return text === null ? undefined : readKeptAnswer(text, repeatable).sent;
}

/** Of the headers these belong to the body, or say where it leads. */
const keptHeaders = ['content-type', 'content-encoding', 'location'];

function toKept(res: AnyResponse, print: string, body: Buffer | undefined): KeptAnswer {
  if (body === undefined || body.length > mostKeptBytes) return { print };
  const text = body.toString('utf8');
  const encoding = Buffer.from(text).equals(body) ? 'utf8' : 'base64';
  const headers = Object.fromEntries(
    keptHeaders.flatMap((name) => (res.hasHeader(name) ? [[name, String(res.getHeader(name))]] : [])),
  );
  return { print, sent: { status: res.statusCode, headers, body: body.toString(encoding), encoding } };
}

export function sendKept(res: AnyResponse, { status, body, encoding, ...kept }: NonNullable<KeptAnswer['sent']>): void {
  res.statusCode = status;
  // Kept by a replica of an earlier version, it has these two alone.
  const headers = kept.headers ?? { 'content-type': kept.type, location: kept.location };
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
  res.end(Buffer.from(body, encoding));
}
