import type { RequestHandler, Response } from 'express';

/**
 * Buffers the response until it ends, so that it leaves in one piece; goes before express-session.
 *
 * express-session sends the headers and all but the last byte, saves or touches the session, and then sends the last byte.
 * If the replica dies in between, the client loses its response: nginx has already passed the headers on and cannot ask
 * another replica. Whether the session was saved is up to the store.
 */
export const bufferResponse: RequestHandler = function bufferResponse(_req, res, next) {
  const { end } = res;
  const chunks: Buffer[] = [];
  res.write = function holdChunk(chunk: Uint8Array | string): boolean {
    chunks.push(Buffer.from(chunk as string));
    return true;
  };
  res.end = function sendBuffer(chunk?: unknown): Response {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') chunks.push(Buffer.from(chunk as string));
    const body = chunks.length > 0 ? [Buffer.concat(chunks)] : [];
    return Reflect.apply(end, res, body);
  } as Response['end'];
  next();
};
