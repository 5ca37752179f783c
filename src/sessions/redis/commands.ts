import { SessionError, type SessionErrorCode } from '../errors.ts';
import type { StoreCommand } from '../events.ts';
import type { Tell } from '../report.ts';
import type { Client } from './client.ts';
import { DeadlineError, deadlines } from './deadline.ts';
import { outcomeOf, wasRefused } from './failures.ts';
import { withPatience } from './patience.ts';
import { clusterMessage, createReader, createWriter, publishing, type Writer } from './replicated.ts';
import type { Script } from './scripts.ts';
import { type StaleConnection, staleConnectionOf } from './stale-connection.ts';

/** Calls to Redis that each end within the deadline, as a value or as a SessionError, and are reported as events. */
export interface RedisCalls {
  /** For reads, and what is harmless to do twice: a failed one is store-unavailable. The first argument is the key. */
  read<T>(name: StoreCommand, ...command: string[]): Promise<T>;
  /** The same for a command without a key, at the server that has this one. */
  readAt<T>(key: string, name: StoreCommand, ...command: string[]): Promise<T>;
  /** Runs a script. If it may have been executed without our knowing, the error is outcome-unknown. */
  run<T>(script: Script, keys: string[], args: (string | number)[], ms?: number): Promise<T>;
  /**
   * Makes sure that replicas have what a read of this key has shown, before it counts as an acknowledgement: the response to
   * the request that wrote it may have been outcome-unknown. Without replicas it does nothing.
   */
  confirm(key: string): Promise<void>;
  /** The server that has a key, to tell servers apart. */
  serverOf(key: string): object;
}

/** One server, as calls use it. */
interface Server {
  client: Client;
  reader: Writer;
  writer: Writer;
  connection: StaleConnection;
}

/** Sends to a server. `isAsking`: in a Cluster, the slot is being moved there, and ASKING must come first. */
type Send = (server: Server, isAsking: boolean) => Promise<unknown>;

type Call = <T>(
  command: StoreCommand,
  key: string,
  ms: number,
  send: Send,
  codeOf: (err: unknown) => SessionErrorCode,
) => Promise<T>;

/** How much of its time a call may spend on redirections between servers of a Cluster. */
const redirectionShare = 0.8;

/**
 * @param prefix of the keys and channels
 * @param replicas how many must have what a script has written before it counts
 * @param patienceMs how long a call waits for a Redis that is away
 */
export function createRedisCalls(
  client: Client,
  deadlineMs: number,
  tell: Tell,
  prefix: string,
  replicas: number,
  patienceMs = 0,
): RedisCalls {
  const { cluster } = client;
  const servers = new WeakMap<Client, Server>();

  function serverWith(client: Client): Server {
    const known = servers.get(client);
    if (known) return known;
    const message = cluster ? clusterMessage(prefix, (key) => cluster.clientFor(key) === client) : publishing(prefix);
    const made = {
      client,
      reader: createReader(client),
      writer: createWriter(client, replicas, Math.ceil(deadlineMs / 2), message),
      connection: staleConnectionOf(client),
    };
    servers.set(client, made);
    return made;
  }

  const single = cluster ? undefined : serverWith(client);

  function serverOf(key: string): Server | undefined {
    if (single) return single;
    const client = cluster?.clientFor(key);
    return client && serverWith(client);
  }

  const isOpen = () => client.isOpen;
  const call: Call =
    patienceMs > 0
      ? <T>(...args: Parameters<Call>) => withPatience<T>(patienceMs, isOpen, () => callOnce(...args))
      : callOnce;

  function callOnce<T>(...[command, key, ms, send, codeOf]: Parameters<Call>): Promise<T> {
    let server = serverOf(key);
    if (!server?.client.isReady) {
      // At once, whatever the client's offline queue would do.
      server?.connection.missed(2 * deadlineMs);
      cluster?.look();
      tell({ type: 'operation', command, outcome: 'refused', ms: 0 });
      return Promise.reject(new SessionError('store-unavailable'));
    }
    const sendTo = (to: Server, isAsking: boolean) => {
      server = to;
      to.connection.asked();
      return send(to, isAsking);
    };
    const start = performance.now();
    return new Promise((resolve, reject) => {
      const settle = (value: unknown) => {
        server?.connection.heard();
        tell({ type: 'operation', command, outcome: 'ok', ms: performance.now() - start });
        resolve(value as T);
      };
      const fail = (cause: unknown) => {
        if (cause instanceof DeadlineError) server?.connection.missed(2 * deadlineMs);
        else server?.connection.heard();
        cluster?.look();
        tell({ type: 'operation', command, outcome: outcomeOf(cause), ms: performance.now() - start });
        reject(new SessionError(codeOf(cause), { cause }));
      };
      const sent = cluster
        ? cluster.follow(key, ms * redirectionShare, (to, isAsking) => sendTo(serverWith(to), isAsking))
        : sendTo(server as Server, false);
      deadlines.watch(sent, ms, settle, fail);
    });
  }

  const readAt: RedisCalls['readAt'] = (key, name, ...command) =>
    call(
      name,
      key,
      deadlineMs,
      ({ reader }, isAsking) => reader.send(command, isAsking),
      () => 'store-unavailable',
    );

  return {
    async confirm(key) {
      if (replicas > 0)
        await call(
          'time',
          key,
          deadlineMs,
          ({ writer }, isAsking) => writer.send(['EXISTS', key], isAsking),
          () => 'outcome-unknown',
        );
    },
    readAt,
    read: (name, ...command) => readAt(command[1] ?? '', name, ...command),
    run: (script, keys, args, ms = deadlineMs) => {
      const keysAndArgs = [String(keys.length), ...keys, ...args.map(String)];
      return call(
        script.command,
        keys[0] as string,
        ms,
        ({ reader, writer }, isAsking) => evaluate(script.isHarmless ? reader : writer, isAsking, script, keysAndArgs),
        (cause) => (script.isHarmless || wasRefused(cause) ? 'store-unavailable' : 'outcome-unknown'),
      );
    },
    serverOf: (key) => serverOf(key)?.client ?? client,
  };
}

/** A Redis that was restarted has forgotten its scripts. */
function evaluate(through: Writer, isAsking: boolean, script: Script, keysAndArgs: string[]): Promise<unknown> {
  return through.send(['EVALSHA', script.digest, ...keysAndArgs], isAsking).catch((err: unknown) => {
    if (!(err instanceof Error && err.message.startsWith('NOSCRIPT'))) throw err;
    return through.send(['EVAL', script.text, ...keysAndArgs], isAsking);
  });
}
