import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { answered } from '../answered.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics/metrics.ts';

declare global {
  namespace Express {
    interface Request {
      /** A well-formed X-Request-Id, or a new id. */
      requestId: string;
    }
  }
}

/**
 * Logs one line per request (request id, method, path, status, ms) and counts it. No header, query or body is logged,
 * because cookies, secrets and session ids are there. The response carries the request id.
 *
 * Not pino-http: it writes such properties twice into a line (pinojs/pino-http#216).
 */
export function createRequestLog(
  logger: Logger,
  metrics?: Pick<Metrics, 'requestBegan' | 'requestEnded'>,
): RequestHandler {
  return function logRequest(req, res, next) {
    const start = performance.now();
    metrics?.requestBegan();
    const given = req.get('X-Request-Id') ?? '';
    req.requestId = /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    res.set('X-Request-Id', req.requestId);
    let isOpen = false;
    res.on(answered, () => {
      isOpen = true;
      metrics?.requestEnded(req, res.statusCode, undefined);
    });
    res.on('close', () => {
      const took = performance.now() - start;
      if (!isOpen) metrics?.requestEnded(req, res.writableFinished ? res.statusCode : 0, took);
      const ms = Math.round(took * 10) / 10;
      const path = req.originalUrl.split('?', 1)[0];
      const line = { requestId: req.requestId, method: req.method, path, status: res.statusCode, ms };
      if (res.writableFinished || isOpen) logger.info(line, 'request');
      else logger.warn(line, 'request was not answered: its connection was closed');
    });
    next();
  };
}
