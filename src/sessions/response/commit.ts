import { SessionError } from '../errors.ts';
import {
  hasKey,
  type KeptAnswer,
  nextUpdate,
  type Repeatable,
  readIdempotency,
  readKeptAnswer,
} from '../idempotency.ts';
import { reportFailed, reportReplayed } from '../report.ts';
import { hasSession, isRequestChanged, reset, storedFor } from '../request/attach.ts';
import type { RequestSession } from '../request/session.ts';
import type { AnyRequest, AnyResponse, RequestState } from '../request/state.ts';
import { storeOf, takeCookie } from '../store.ts';
import type { Held } from './hold.ts';

/** A larger response is not kept: its request takes effect once all the same, and a repeat is answered again. */
const maxKeptBytes = 16_384;

/** A session that keeps changing after the response, or whose JSON differs each time, does not hold it for ever. */
const maxRounds = 8;

export function hasChanged(req: AnyRequest, { pendingWrites, hasFailed }: RequestState): boolean {
  return !hasFailed && hasSession(req) && (pendingWrites > 0 || isRequestChanged(req));
}

/** Whether there is something to save, or to find: a repeat of a request gets what the first one got. */
export function hasWork(req: AnyRequest, res: AnyResponse, state: RequestState, isChanged: boolean): boolean {
  if (state.hasFailed || !hasSession(req)) return false;
  if (isChanged || (res.statusCode >= 400 && state.lacksStore)) return true;
  return hasKey(req) && storedFor(req) !== undefined && (res.statusCode >= 400 || state.updates === 0);
}

/**
 * Saves what the request has changed. A response that is complete is kept for repeats of the request.
 * @returns the first response, where this request is a repeat
 */
export async function commit(
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  held?: Held,
): Promise<KeptAnswer['sent']> {
  await null; // `end` writes the body after the head, in the same turn
  for (let round = 0; round < maxRounds; round++) {
    while (state.pendingWrites > 0) await state.writes;
    if (!hasSession(req) || state.hasFailed) return undefined;
    const isError = res.statusCode >= 400;
    if (isError && state.lacksStore) {
      // The response says so: to try again would make it untrue, or late.
      reset(req);
      return undefined;
    }
    const body = hasKey(req) ? held?.body() : undefined;
    const stored = storedFor(req);
    const hadUpdates = state.updates > 0;
    const repeatable = readIdempotency(req, body === undefined ? nextUpdate(req) : 'answer');
    if (repeatable && stored && isError) {
      // The first time it went well: this time it may find that it is done already.
      const first = await findKept(req, state, repeatable);
      if (first) {
        reset(req);
        reportReplayed(storeOf(state).repository, req);
        return first;
      }
    }
    const isKept = repeatable && !isError;
    // What changes nothing is kept too, or a repeat would be answered again; the result of an update is kept already.
    if (!isRequestChanged(req) && !(isKept && stored && !hadUpdates)) return undefined;
    const text = () => JSON.stringify(toKept(res, repeatable?.print ?? '', body));
    const changed = await storeOf(state).save(
      req.sessionID as string,
      req.session as RequestSession,
      isKept ? { field: repeatable.field, text } : undefined,
    );
    if (changed.outcome === 'replayed' && repeatable) {
      const { sent } = readKeptAnswer(changed.answer, repeatable);
      reportReplayed(storeOf(state).repository, req);
      return sent;
    }
    if (isKept || !hasChanged(req, state)) return undefined;
  }
  return undefined;
}

/** The change cannot be saved: the session shows what is stored. @returns the error, unless the response is one already */
export async function giveUp(req: AnyRequest, res: AnyResponse, state: RequestState, err: unknown): Promise<unknown> {
  const hasEnded = err instanceof SessionError && err.code === 'session-ended';
  // The cookie of an id that was given at this very request still has to reach the visitor.
  if (hasEnded) await takeCookie(req, state);
  else reset(req);
  if (res.statusCode >= 400) return undefined;
  reportFailed(storeOf(state).repository, req, err);
  return err;
}

async function findKept(req: AnyRequest, state: RequestState, repeatable: Repeatable): Promise<KeptAnswer['sent']> {
  const text = await storeOf(state).repository.findKept(req.sessionID as string, repeatable.field);
  return text === null ? undefined : readKeptAnswer(text, repeatable).sent;
}

/** Of the headers these belong to the body, or say where it leads. */
const keptHeaders = ['content-type', 'content-encoding', 'location'];

function toKept(res: AnyResponse, print: string, body: Buffer | undefined): KeptAnswer {
  if (body === undefined || body.length > maxKeptBytes) return { print };
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
