import type { RequestHandler, Response } from 'express';

/**
 * Holds what is written until the answer ends, so that it leaves in one piece; goes before express-session.
 *
 * By itself express-session sends the headers and all but the last byte, saves or touches the session, and sends the
 * last byte. A replica that dies in between has cost the client its answer: nginx has passed the headers on, and may
 * not ask another replica any more. Whether the session was saved makes no difference here: that is the store's part.
 */
export const sendWhole: RequestHandler = function sendWhole(_req, res, next) {
  const { end } = res;
  const chunks: Buffer[] = [];
  res.write = function holdChunk(chunk: Uint8Array | string): boolean {
    chunks.push(Buffer.from(chunk as string));
    return true;
  };
  res.end = function endWhole(chunk?: unknown): Response {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') chunks.push(Buffer.from(chunk as string));
    const whole = chunks.length > 0 ? [Buffer.concat(chunks)] : [];
    return Reflect.apply(end, res, whole);
  } as Response['end'];
  next();
};
