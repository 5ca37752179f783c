import type { AnyResponse } from '../request/state.ts';

/** Sets the headers that were given to writeHead, an object or a list of names and values. @returns the other arguments */
export function takeHeaders(res: AnyResponse, [status, ...rest]: unknown[]): unknown[] {
  res.statusCode = status as number;
  const reason = typeof rest[0] === 'string' ? [rest[0]] : [];
  const headers = rest[reason.length];
  if (Array.isArray(headers)) {
    const pairs = headers.every(Array.isArray)
      ? (headers as [string, string][])
      : headers.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, headers[at + 1]]] : []));
    for (const [name] of pairs) res.removeHeader(name);
    for (const [name, value] of pairs) res.appendHeader(name, value);
  } else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
  }
  return [status, ...reason];
}
