import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';
import type { Metrics } from './metrics.ts';

export type { Logger };

declare global {
  namespace Express {
    interface Request {
      /** Well formed: from X-Request-Id, or made here. */
      requestId: string;
    }
  }
}

/** Logs JSON lines to standard output (or `destination`), each with the replica's name. */
export function createLogger({ replica, logLevel: level }: Config, destination?: DestinationStream): Logger {
  const options = { level, base: { replica }, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/**
 * Logs one line a request: request id, method, path, status, ms. No header, query or body ever gets into it, because
 * that is where cookies, secrets and session ids are. The id is that of X-Request-Id where it is well formed, else a
 * new one; the answer carries it.
 *
 * It counts the requests too, for they begin and end here.
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
    res.once('close', () => {
      const took = performance.now() - start;
      metrics?.requestEnded(req, res, took);
      const ms = Math.round(took * 10) / 10;
      const path = req.originalUrl.split('?', 1)[0];
      const answered = res.writableFinished;
      const line = { requestId: req.requestId, method: req.method, path, status: res.statusCode, ms };
      if (answered) logger.info(line, 'request');
      else logger.warn(line, 'request was not answered: its connection was closed');
    });
    next();
  };
}
