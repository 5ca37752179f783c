import type { RequestHandler } from 'express';
import { answered } from '../answered.ts';
import { Problem } from '../errors.ts';

/**
 * Refuses what comes beyond so many requests in progress: 503 at once. Without that, all of them would wait until they time
 * out, and each that did would have been work for nothing.
 */
export function createLoadLimit(maxInProgress: number): RequestHandler {
  let inProgress = 0;
  return function limitLoad(_req, res, next) {
    if (inProgress >= maxInProgress) {
      const detail =
        'This replica has more requests than it can answer in time; nothing was changed. Try again in a second.';
      throw new Problem('overloaded', detail, { headers: { 'Retry-After': '1' } });
    }
    inProgress += 1;
    let isInProgress = true;
    const end = () => {
      if (isInProgress) inProgress -= 1;
      isInProgress = false;
    };
    res.on('close', end).on(answered, end); // not `once`, which costs each request more
    next();
  };
}
