const retryLater = { 'Retry-After': '1' };

/** Why a session could not be read or written. */
export type SessionErrorCode =
  | 'store-unavailable'
  | 'store-full'
  | 'outcome-unknown'
  | 'session-ended'
  | 'login-too-old'
  | 'session-conflict'
  | 'session-too-large'
  | 'not-storable'
  | 'key-reused';

/** For each its status, the message for the visitor, and headers. */
const catalogue: Record<SessionErrorCode, [status: number, message: string, headers: Record<string, string>]> = {
  'store-unavailable': [503, 'Sessions cannot be reached; nothing was changed. Try again in a second.', retryLater],
  'store-full': [
    503,
    'There is no room for more sessions of visitors who are not logged in; nothing was changed. Log in, or try again later.',
    { 'Retry-After': '60' },
  ],
  'outcome-unknown': [
    503,
    'Sessions did not answer in time: whether the change was made is unknown. Repeat it with the same Idempotency-Key.',
    retryLater,
  ],
  'session-ended': [401, 'The session ended while this request was under way; nothing was changed. Log in again.', {}],
  'login-too-old': [403, 'This needs a recent login; nothing was changed. Log in again.', {}],
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
};

/**
 * Thrown, or passed to the application's error handlers, if a session could not be read or written. `status`, `statusCode`
 * and `headers` are what error handlers of Express and of other frameworks look at.
 */
export class SessionError extends Error {
  override name = 'SessionError';
  readonly code: SessionErrorCode;
  readonly status: number;
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  /** Of a session-conflict: the attribute that both requests have changed, if it is known. */
  readonly attribute: string | undefined;

  constructor(code: SessionErrorCode, { attribute, ...options }: ErrorOptions & { attribute?: string } = {}) {
    const [status, message, headers] = catalogue[code];
    super(attribute === undefined ? message : `${message} ${conflictOver(attribute)}`, options);
    this.code = code;
    this.status = status;
    this.statusCode = status;
    this.headers = headers;
    this.attribute = attribute;
  }
}

function conflictOver(attribute: string): string {
  return `Both have changed ${JSON.stringify(attribute)}: use updateSession for it, or name it in lastWriteWins.`;
}
