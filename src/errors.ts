import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from './logger.ts';
import { SessionError } from './sessions/index.ts';

/** Every error that a visitor can be told, by code: its status, and its title. The code is the stable part of `type`. */
const catalogue = {
  'invalid-request': [400, 'The request cannot be read'],
  'invalid-body': [400, 'The body does not say what this needs'],
  'logged-out': [401, 'Nobody is logged in'],
  'other-site': [403, 'Another site sent this'],
  'tls-required': [403, 'This needs a TLS connection'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'This method is not for this address'],
  'body-too-large': [413, 'The body is too large'],
  'not-json': [415, 'The body is not JSON'],
  'not-form': [415, 'The body is not a form'],
  'cart-limit': [422, 'The cart cannot hold that'],
  'internal-error': [500, 'Something went wrong here'],
  'store-unavailable': [503, 'Sessions cannot be reached'],
  'outcome-unknown': [503, 'Whether it was done is unknown'],
  'session-ended': [401, 'The session has ended'],
  'session-conflict': [409, 'Another request was faster'],
  'session-too-large': [413, 'The session is full'],
  'not-storable': [422, 'This cannot be stored'],
  'key-reused': [422, 'The Idempotency-Key is that of another request'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof catalogue;

interface Extra {
  /** What is wrong, field by field. */
  errors?: { field: string; message: string }[];
  headers?: Record<string, string>;
  cause?: unknown;
}

/** An answer other than success, as RFC 9457 problem details. Throw it in a route; `detail` tells the reader what to do next. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  readonly extra: Extra;

  constructor(code: ProblemCode, detail: string, extra: Extra = {}) {
    super(detail, { cause: extra.cause });
    this.code = code;
    [this.status, this.title] = catalogue[code];
    this.extra = extra;
  }

  send(res: Response): void {
    const { errors, headers = {} } = this.extra;
    const type = `urn:problem-type:unsticky:${this.code}`;
    const { title, status, message: detail } = this;
    const body = { type, title, status, detail, ...(errors && { errors }) };
    res.status(status).set(headers).type('application/problem+json').send(JSON.stringify(body));
  }
}

/** Answers 405 and says what is allowed. Goes behind the methods of a route: `.all(methodNotAllowed('GET'))`. */
export function methodNotAllowed(...allowed: string[]): RequestHandler {
  const list = allowed.includes('GET') ? ['HEAD', ...allowed] : allowed;
  return function refuseMethod(req) {
    const detail = `${req.method} is not for ${req.path}: use ${list.join(' or ')}.`;
    throw new Problem('method-not-allowed', detail, { headers: { Allow: list.join(', ') } });
  };
}

export const notFound: RequestHandler = function notFound(req) {
  throw new Problem('not-found', `There is no ${req.path} on this server.`);
};

/** Answers with a problem. */
export type SendProblem = (problem: Problem, req: Request, res: Response) => void | Promise<void>;

/**
 * The last middleware: any error becomes a problem, by itself problem+json, never a stack trace. What is not the visitor's
 * fault is logged.
 */
export function createAnswerProblem(logger: Logger, send: SendProblem): ErrorRequestHandler {
  return function answerProblem(err, req, res, _next): void | Promise<void> {
    const problem = toProblem(err);
    if (problem.status >= 500) logger.error({ err, requestId: req.requestId }, problem.code);
    // Half an answer is out already: a broken connection is the only way left to say that it is not a success.
    if (res.headersSent) return void req.socket.destroy();
    return send(problem, req, res);
  };
}

/** What Express and its parsers throw (`http-errors` with a status below 500), in words of the catalogue. */
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
  return new Problem('internal-error', 'The error is in the log of this replica, under this X-Request-Id.', options);
}
