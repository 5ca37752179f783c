import { randomUUID } from 'node:crypto';
import { createConnections } from './connections.ts';
import type { Kind, Operation } from './history.ts';
import { isFailure } from './outcome.ts';
import { cookieIn, fingerprint, observe, outcomeOf, problemIn, requestOf } from './site.ts';

/** What a browser keeps of one visit. */
export interface Visit {
  /** `user-0017.2` */
  session: string;
  /** The session cookie, as a Cookie header; empty where there is none. */
  cookie: string;
}

/** How an operation differs from a plain request of its kind. */
export interface Details {
  value?: number;
  /** Sent instead of the visit's own cookie. */
  cookie?: { is: 'logged-out' | 'before-login'; value: string };
  endsSessions?: string[];
  /** The operation that this one repeats. */
  repeatOf?: Operation;
}

/** Sends the users' requests and records how each ended and what its response showed. */
export interface Witness {
  /** In the order in which they ended. */
  readonly operations: Operation[];
  readonly invoked: number;
  /** How many operations failed, by `isFailure`. */
  readonly failed: number;
  /** Prefix of the X-Request-Id of all its requests. */
  readonly run: string;
  operate(visit: Visit, kind: Kind, details?: Details): Promise<Operation>;
  close(): Promise<void>;
}

export interface WitnessOptions {
  url: string;
  connections: number;
  /** Writes carry an Idempotency-Key. */
  keys: boolean;
  /** The store promises that a 503 changed nothing, unless the response says that the outcome is unknown. */
  promises: boolean;
  /** Milliseconds since the run began. */
  now(): number;
}

export function createWitness({ url, connections: count, keys, promises, now }: WitnessOptions): Witness {
  const connections = createConnections(url, count);
  const operations: Operation[] = [];
  const run = randomUUID().slice(0, 8);
  const keyOf = new WeakMap<Operation, string>();
  const witness = {
    operations,
    run,
    invoked: 0,
    failed: 0,
    async operate(visit: Visit, kind: Kind, details: Details = {}): Promise<Operation> {
      const { value, cookie, endsSessions, repeatOf } = details;
      const id = ++witness.invoked;
      const key = (repeatOf && keyOf.get(repeatOf)) ?? randomUUID();
      const request = requestOf(kind, visit.session, value);
      const headers: Record<string, string> = { 'x-request-id': `${run}-${id}` };
      const sent = cookie ? cookie.value : visit.cookie;
      if (sent) headers.cookie = sent;
      if (request.body !== undefined) headers['content-type'] = 'application/json';
      if (keys && request.method !== 'GET') headers['idempotency-key'] = key;
      let start = 0;
      const response = await connections.send({ ...request, headers }, () => {
        start = now();
      });
      const operation: Operation = {
        id,
        session: visit.session,
        kind,
        ...(value !== undefined && { value }),
        start,
        end: now(),
        outcome: outcomeOf(kind, response, promises),
        status: 'status' in response ? response.status : null,
        replica: 'status' in response ? String(response.headers['x-served-by'] ?? '') || null : null,
        ...('status' in response ? observe(kind, response, visit.session) : { error: response.error }),
        ...('status' in response && response.status >= 500 && problemIn(response.text)),
        ...(cookie && { cookie: cookie.is }),
        ...(endsSessions && { endsSessions }),
        ...(repeatOf && { repeatOf: repeatOf.id }),
      };
      if ('status' in response && !cookie) {
        visit.cookie = cookieIn(response.headers['set-cookie']) ?? visit.cookie;
        if (kind === 'login' && operation.outcome === 'ok')
          operation.sessionIds = [fingerprint(sent), fingerprint(visit.cookie)];
      }
      keyOf.set(operation, key);
      if (isFailure(operation)) witness.failed += 1;
      operations.push(operation);
      return operation;
    },
    close: () => connections.close(),
  };
  return witness;
}
