import { SessionError, type SessionErrorCode } from '../errors.ts';
import type { StoreCommand, StoreOutcome } from '../events.ts';
import type { Tell } from '../report.ts';
import type { Client } from './client.ts';
import { DeadlineError, Deadlines } from './deadline.ts';
import { createWriter, NotReplicatedError, type Writer } from './replicated.ts';
import type { Script } from './scripts.ts';
import { staleConnectionOf } from './stale-connection.ts';

/** Calls to Redis that each end within the deadline, as a value or as a SessionError, and are reported as events. */
export interface RedisCalls {
  /** For reads, and what is harmless to do twice: a failed one is store-unavailable. */
  read<T>(name: StoreCommand, ...command: string[]): Promise<T>;
  /** Runs a script. If it may have been executed without our knowing, the error is outcome-unknown. */
  run<T>(script: Script, keys: string[], args: (string | number)[], ms?: number): Promise<T>;
  /**
   * Makes sure that replicas have what a read has shown, before it counts as an acknowledgement: the write that it shows may
   * be one whose own request was told that its outcome is unknown. Without replicas it does nothing.
   */
  confirm(): Promise<void>;
}

/**
 * @param prefix of the keys and channels
 * @param replicas how many must have what a script has written before it counts
 */
export function createRedisCalls(
  client: Client,
  deadlineMs: number,
  tell: Tell,
  prefix: string,
  replicas: number,
): RedisCalls {
  const writer = createWriter(client, replicas, Math.ceil(deadlineMs / 2), `${prefix}written`);
  const reader: Writer = { send: (command) => client.sendCommand(command) };
  const connection = staleConnectionOf(client);
  const deadlines = new Deadlines();

  function call<T>(
    command: StoreCommand,
    ms: number,
    send: () => Promise<unknown>,
    codeOf: (err: unknown) => SessionErrorCode,
  ): Promise<T> {
    if (!client.isReady) {
      // At once, whatever the client's offline queue would do.
      connection.missed(2 * deadlineMs);
      tell({ type: 'operation', command, outcome: 'refused', ms: 0 });
      return Promise.reject(new SessionError('store-unavailable'));
    }
    connection.asked();
    const start = performance.now();
    return new Promise((resolve, reject) => {
      const settle = (value: unknown) => {
        connection.heard();
        tell({ type: 'operation', command, outcome: 'ok', ms: performance.now() - start });
        resolve(value as T);
      };
      const fail = (cause: unknown) => {
        if (cause instanceof DeadlineError) connection.missed(2 * deadlineMs);
        else connection.heard();
        tell({ type: 'operation', command, outcome: outcomeOf(cause), ms: performance.now() - start });
        reject(new SessionError(codeOf(cause), { cause }));
      };
      deadlines.watch(send(), ms, settle, fail);
    });
  }

  return {
    async confirm() {
      if (replicas > 0)
        await call(
          'time',
          deadlineMs,
          () => writer.send(['TIME']),
          () => 'outcome-unknown',
        );
    },
    read: (name, ...command) =>
      call(
        name,
        deadlineMs,
        () => client.sendCommand(command),
        () => 'store-unavailable',
      ),
    run: (script, keys, args, ms = deadlineMs) =>
      call(
        script.command,
        ms,
        () =>
          evaluate(script.isHarmless ? reader : writer, script, [String(keys.length), ...keys, ...args.map(String)]),
        (cause) => (script.isHarmless || wasRefused(cause) ? 'store-unavailable' : 'outcome-unknown'),
      ),
  };
}

/** A Redis that was restarted has forgotten its scripts. */
function evaluate(through: Writer, script: Script, keysAndArgs: string[]): Promise<unknown> {
  return through.send(['EVALSHA', script.digest, ...keysAndArgs]).catch((err: unknown) => {
    if (!(err instanceof Error && err.message.startsWith('NOSCRIPT'))) throw err;
    return through.send(['EVAL', script.text, ...keysAndArgs]);
  });
}

/**
 * True if Redis has refused (out of memory, read-only, loading: the scripts fail at their first write), or the command was
 * never sent.
 */
function wasRefused(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  return (
    /^(OOM|READONLY|LOADING|MISCONF|NOREPLICAS|NOPERM|NOAUTH|BUSY|CLUSTERDOWN|MASTERDOWN)\b/.test(err.message) ||
    wasNeverSent(err)
  );
}

/** By the name of their class: this layer imports nothing of node-redis. */
function wasNeverSent(err: unknown): boolean {
  return err instanceof Error && /^(ClientOffline|ClientClosed|Timeout)Error$/.test(err.constructor.name);
}

function outcomeOf(err: unknown): StoreOutcome {
  if (err instanceof DeadlineError) return 'timeout';
  if (err instanceof NotReplicatedError) return 'unconfirmed';
  return wasNeverSent(err) ? 'refused' : 'error';
}
