import type { RedisStore } from 'connect-redis';
import { SessionError } from '../errors.ts';
import type { StoreCommand, StoreOutcome, Tell } from '../events.ts';
import type { Client } from './client.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import type { Script } from './scripts.ts';
import { watchSilence } from './stale-connection.ts';

/** Calls to Redis that each end within the deadline, as a value or as a SessionError, and are told of. */
export interface RedisCalls {
  /** For reads, and what is harmless to do twice: a failed one is store-unavailable. */
  read<T>(command: StoreCommand, call: (client: Client) => Promise<T>): Promise<T>;
  /** Runs a script. Where it may have been carried out without our knowing, the error is outcome-unknown. */
  run<T>(script: Script, keys: string[], args: (string | number)[], ms?: number): Promise<T>;
}

export function createRedisCalls(anyClient: RedisStore['client'], deadlineMs: number, tell: Tell): RedisCalls {
  const client = anyClient as unknown as Client;
  const silence = watchSilence(client, 2 * deadlineMs);
  const requireReady = (command: StoreCommand) => {
    // At once, whatever the client's offline queue would do.
    if (client.isReady) return;
    silence.missed();
    tell({ type: 'operation', command, outcome: 'refused', ms: 0 });
    throw new SessionError('store-unavailable');
  };
  const answered = async <T>(command: StoreCommand, call: Promise<T>, ms: number): Promise<T> => {
    silence.asked();
    const start = performance.now();
    const ended = (outcome: StoreOutcome) =>
      tell({ type: 'operation', command, outcome, ms: performance.now() - start });
    try {
      const answer = await withDeadline(call, ms);
      silence.heard();
      ended('ok');
      return answer;
    } catch (err) {
      if (err instanceof DeadlineError) silence.missed();
      else silence.heard();
      ended(outcomeOf(err));
      throw err;
    }
  };
  return {
    async read(command, call) {
      requireReady(command);
      try {
        return await answered(command, call(client), deadlineMs);
      } catch (cause) {
        throw new SessionError('store-unavailable', { cause });
      }
    },
    async run<T>(script: Script, keys: string[], args: (string | number)[], ms = deadlineMs) {
      requireReady(script.command);
      const options = { keys, arguments: args.map(String) };
      try {
        return (await answered(script.command, evaluate(client, script, options), ms)) as T;
      } catch (cause) {
        throw new SessionError(wasRefused(cause) ? 'store-unavailable' : 'outcome-unknown', { cause });
      }
    },
  };
}

/** A Redis that was restarted has forgotten its scripts. */
async function evaluate(client: Client, script: Script, options: { keys: string[]; arguments: string[] }) {
  try {
    return await client.evalSha(script.digest, options);
  } catch (err) {
    if (!(err instanceof Error && err.message.startsWith('NOSCRIPT'))) throw err;
    return client.eval(script.text, options);
  }
}

/**
 * True where Redis has answered that it will not (out of memory, read-only, loading: the scripts fail at their first
 * write), or the command was never sent.
 */
function wasRefused(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  return (
    /^(OOM|READONLY|LOADING|MISCONF|NOREPLICAS|NOPERM|NOAUTH|BUSY|CLUSTERDOWN|MASTERDOWN)\b/.test(err.message) ||
    wasNeverSent(err)
  );
}

function wasNeverSent(err: unknown): boolean {
  return err instanceof Error && /^(ClientOffline|ClientClosed|Timeout)Error$/.test(err.constructor.name);
}

function outcomeOf(err: unknown): StoreOutcome {
  if (err instanceof DeadlineError) return 'timeout';
  return wasNeverSent(err) ? 'refused' : 'error';
}
