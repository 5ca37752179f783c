import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps a response back until its session is saved, with means of Node's own: a ServerResponse without a socket collects
 * its bytes, as it does for pipelined requests. So the socket is taken from it when its head has been written, and given
 * back later. `write`, `end`, `headersSent`, `writableEnded` and whatever wraps them work as they always do, because
 * nothing of it is replaced.
 *
 * This file alone knows fields of Node's http that are not documented (lib/_http_server.js and _http_outgoing.js of
 * Node 22 to 26): ordinary-code.int.test.ts fails where one has changed.
 */
interface Internals extends ServerResponse {
  detachSocket(socket: Socket): void;
  assignSocket(socket: Socket): void;
  outputData: { data: string | Uint8Array; encoding: BufferEncoding | null }[];
  outputSize: number;
  _onPendingData(bytes: number): void;
  _header: string | null;
  _headerSent: boolean;
  _contentLength: number | null;
  _last: boolean;
  _hasBody: boolean;
  _removedTE: boolean;
  finished: boolean;
  chunkedEncoding: boolean;
}

type OwnedSocket = Socket & { _httpMessage: unknown };

/** A response that is held. */
export interface Held {
  /** The body so far, as it would be sent; undefined as long as it is not complete, or where it is sent in chunks. */
  body(): Buffer | undefined;
  /** Whether the application has ended it. */
  hasEnded(): boolean;
  /** Sends what was collected, and everything from now on. */
  release(): void;
  /** Takes the response back: it is as it was before its head was written, and nothing of it was sent. */
  drop(): void;
}

/** Bun and Deno have an http of their own, without these fields. */
const isNode = process.versions.bun === undefined && process.versions.deno === undefined;

/**
 * Whether a response goes to the connection that its request came from, by Node's http/1.1: then it can be held there. It has
 * no connection yet if it is pipelined. Others are held by hold-calls.ts.
 */
export function isOnConnection(req: IncomingMessage, res: ServerResponse): boolean {
  return isNode && 'detachSocket' in res && (res.socket === null || res.socket === req.socket);
}

/** Holds a response whose head has just been written. Call it before anything of it is sent, in the same turn. */
export function hold(response: ServerResponse): Held {
  const res = response as Internals;
  let socket = res.socket as OwnedSocket | null;
  let destroyAsked = false;
  // Both are put back by assignment: after `delete` V8 would treat the response and its connection as dictionaries.
  const { assignSocket } = res;
  let destroy: OwnedSocket['destroy'];

  /** The response keeps its turn on the connection: a pipelined one behind it waits. */
  function keep(taken: OwnedSocket): void {
    socket = taken;
    taken._httpMessage = res;
    // Express's last handler ends the connection on an error after the response: not before that has left.
    ({ destroy } = taken);
    taken.destroy = function destroyLater(err?: Error) {
      if (err || !res.writableEnded) return Reflect.apply(destroy, taken, err ? [err] : []);
      destroyAsked = true;
      return taken;
    };
  }

  if (socket) {
    res.detachSocket(socket);
    // `end` has corked it before it wrote the head, and does not find it any more.
    while (socket.writableCorked > 0) socket.uncork();
    keep(socket);
  }
  res.assignSocket = keep as Internals['assignSocket'];

  function giveBack(): void {
    res.assignSocket = assignSocket;
    if (!socket) return; // a pipelined response whose turn has not come
    socket.destroy = destroy;
    socket._httpMessage = null;
    if (socket.destroyed) {
      res.destroy();
      res.emit('close');
      return;
    }
    const taken = socket;
    if (destroyAsked) res.once('finish', () => taken.destroySoon());
    res.assignSocket(socket);
  }

  return {
    body() {
      if (!res.writableEnded || res.chunkedEncoding) return undefined;
      const parts = res.outputData.map(({ data, encoding }) =>
        typeof data === 'string' ? Buffer.from(data, encoding ?? 'utf8') : data,
      );
      const head = Buffer.byteLength(res._header ?? '', 'latin1');
      return Buffer.concat(parts).subarray(head);
    },
    hasEnded: () => res.writableEnded,
    release: giveBack,
    drop() {
      res._onPendingData(-res.outputSize); // else the connection reads no more
      const fresh = { _header: null, _headerSent: false, finished: false, outputData: [], outputSize: 0 };
      Object.assign(res, fresh, { _contentLength: null, chunkedEncoding: false, _last: false, _removedTE: false });
      res._hasBody = res.req.method !== 'HEAD'; // a 204 has none
      res.statusMessage = undefined as unknown as string;
      giveBack();
    },
  };
}
