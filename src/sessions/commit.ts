import type { RequestHandler, Response } from 'express';
import type { SessionData } from 'express-session';

/**
 * Saves a changed session before its answer leaves; goes right after express-session.
 *
 * express-session sends the headers and all but the last byte of the body, saves, and sends the last byte whether the
 * save worked or not (its index.js, `res.end`): the client takes a lost change for a success. Here the answer's end is
 * held until the change is in the store. Where it cannot be saved, the error goes to Express's error handlers and the
 * answer is theirs.
 */
export const commitBeforeRespond: RequestHandler = function commitBeforeRespond(req, res, next) {
  const { id } = req.session;
  const before = contentOf(req.session);
  const end = res.end;
  res.end = function endAfterCommit(...args: unknown[]): Response {
    res.end = end;
    const { session } = req;
    if (!session || (session.id === id && contentOf(session) === before)) return Reflect.apply(end, res, args);
    // An explicit save keeps the expiry that was loaded: a replica whose clock is ahead would find it in its past.
    session.touch().save((err) => {
      if (!err) return void Reflect.apply(end, res, args);
      // express-session would save again, and answer 200 all the same, at the end of the error's own answer.
      Reflect.deleteProperty(req, 'session');
      if (!res.headersSent) forgetAnswer(res);
      next(err);
    });
    return res;
  } as Response['end'];
  next();
};

/** What a session holds, as text: everything but its cookie, whose expiry moves by itself. */
function contentOf(session: SessionData): string {
  return JSON.stringify({ ...session, cookie: undefined });
}

/** Takes back the headers that describe the answer that will not be sent. */
function forgetAnswer(res: Response): void {
  for (const name of ['Content-Length', 'Content-Type', 'ETag', 'Location', 'Last-Modified']) res.removeHeader(name);
}
