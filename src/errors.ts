import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from './logger.ts';
import { SessionError, type SessionErrorCode } from './sessions/index.ts';

/** Titles of the errors of the session layer, which has their status. */
const sessionTitles: Record<SessionErrorCode, string> = {
  'store-unavailable': 'Session store unavailable',
  'store-full': 'Session store full',
  'outcome-unknown': 'Outcome unknown',
  'session-ended': 'Session ended',
  'login-too-old': 'Login too old',
  'session-conflict': 'Conflicting change',
  'session-too-large': 'Session too large',
  'not-storable': 'Not storable',
  'key-reused': 'Idempotency-Key reused',
};

/** Status and title of every other error, by code. The code is the stable part of `type`. */
const catalogue = {
  'invalid-request': [400, 'Bad request'],
  'invalid-body': [400, 'Invalid body'],
  'logged-out': [401, 'Not logged in'],
  'other-site': [403, 'Cross-site request'],
  'tls-required': [403, 'TLS required'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'body-too-large': [413, 'Body too large'],
  'not-json': [415, 'Body is not JSON'],
  'not-form': [415, 'Body is not a form'],
  'cart-limit': [422, 'Cart limit exceeded'],
  'too-many-logins': [429, 'Too many logins'],
  'internal-error': [500, 'Internal error'],
  overloaded: [503, 'Overloaded'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof catalogue | SessionErrorCode;

interface Extra {
  /** What is wrong, field by field. */
  errors?: { field: string; message: string }[];
  headers?: Record<string, string>;
  cause?: unknown;
}

/** An error response, as RFC 9457 problem details. Throw it in a route; `detail` says what to do next. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  readonly extra: Extra;

  constructor(code: ProblemCode, detail: string, extra: Extra = {}) {
    super(detail, { cause: extra.cause });
    this.code = code;
    if (code in sessionTitles) {
      this.status = new SessionError(code as SessionErrorCode).status;
      this.title = sessionTitles[code as SessionErrorCode];
    } else [this.status, this.title] = catalogue[code as keyof typeof catalogue];
    this.extra = extra;
  }

  send(res: Response): void {
    const { errors, headers = {} } = this.extra;
    const type = `urn:problem-type:unsticky:${this.code}`;
    const { title, status, message: detail } = this;
    const body = { type, title, status, detail, ...(errors && { errors }) };
    res.status(status).set(headers).type('application/problem+json').json(body);
  }
}

/** Answers 405 and names the allowed methods. Goes after the methods of a route: `.all(methodNotAllowed('GET'))`. */
export function methodNotAllowed(...allowed: string[]): RequestHandler {
  const list = allowed.includes('GET') ? ['HEAD', ...allowed] : allowed;
  return function refuseMethod(req) {
    const detail = `${req.path} does not support ${req.method}: use ${list.join(' or ')}.`;
    throw new Problem('method-not-allowed', detail, { headers: { Allow: list.join(', ') } });
  };
}

export const notFound: RequestHandler = function notFound(req) {
  throw new Problem('not-found', `There is no ${req.path} on this server.`);
};

/** Sends a problem as the response. */
export type SendProblem = (problem: Problem, req: Request, res: Response) => void | Promise<void>;

/**
 * The last middleware: any error becomes a problem, never a stack trace. Errors of the server are logged.
 */
export function createProblemHandler(logger: Logger, send: SendProblem): ErrorRequestHandler {
  return function handleProblem(err, req, res, _next): void | Promise<void> {
    const problem = toProblem(err);
    if (problem.status >= 500) logger.error({ err, requestId: req.requestId }, problem.code);
    // Part of the response has been sent: only a broken connection can still say that it is no success.
    if (res.headersSent) return void req.socket.destroy();
    return send(problem, req, res);
  };
}

/** Maps what Express and its parsers throw (`http-errors` with a status below 500) to the catalogue. */
function toProblem(err: unknown): Problem {
  if (err instanceof Problem) return err;
  if (err instanceof SessionError) return new Problem(err.code, err.message, { headers: err.headers, cause: err });
  const { status, type, limit } = (err ?? {}) as { status?: unknown; type?: unknown; limit?: unknown };
  const options = { cause: err };
  if (type === 'entity.parse.failed') return new Problem('invalid-body', 'The body is not well-formed JSON.', options);
  if (status === 413) return new Problem('body-too-large', `Send at most ${limit} bytes.`, options);
  if (status === 415)
    return new Problem('not-json', 'Send UTF-8 JSON, compressed with gzip, br, deflate or not at all.', options);
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new Problem('invalid-request', `The request is not well-formed (${STATUS_CODES[status]}).`, options);
  }
  return new Problem('internal-error', 'The error is in the log of this replica, with this X-Request-Id.', options);
}
