const retryLater = { 'Retry-After': '1' };

/** Why a session could not be read or written: code, status, and what to tell the visitor. */
const catalogue = {
  'store-unavailable': [503, 'Sessions cannot be reached; nothing was changed. Try again in a second.', retryLater],
  'outcome-unknown': [
    503,
    'Sessions did not answer in time: whether the change was made is unknown. Repeat it with the same Idempotency-Key.',
    retryLater,
  ],
  'session-ended': [401, 'The session ended while this request was under way; nothing was changed. Log in again.', {}],
  'session-conflict': [
    409,
    'Another request changed the same thing at the same time; this change was not made. Try again.',
    {},
  ],
  'session-too-large': [413, 'The session would become too large; nothing was changed.', {}],
  'not-storable': [
    422,
    'The change holds a key named __proto__, or an attribute named as a part of the session object; nothing was changed.',
    {},
  ],
  'key-reused': [422, 'This Idempotency-Key was used for another request; nothing was changed. Use a new one.', {}],
} as const satisfies Record<string, readonly [number, string, Record<string, string>]>;

export type SessionErrorCode = keyof typeof catalogue;

/**
 * Thrown, or passed to Express's error handlers, where a session could not be read or written. `status` and `headers`
 * are what Express's own error handler looks at.
 */
export class SessionError extends Error {
  override name = 'SessionError';
  readonly code: SessionErrorCode;
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(code: SessionErrorCode, options?: ErrorOptions) {
    const [status, message, headers] = catalogue[code];
    super(message, options);
    this.code = code;
    this.status = status;
    this.headers = headers;
  }
}
