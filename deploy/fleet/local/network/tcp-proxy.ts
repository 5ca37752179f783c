import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A proxy to a server on 127.0.0.1 that can be cut, delayed and reset like a network (as Toxiproxy does, in this process). */
export interface TcpProxy {
  /** Its port on 127.0.0.1. */
  port: number;
  set(change: Partial<ProxyState>): void;
  /** Ends every connection with a TCP reset. @returns how many there were */
  reset(): number;
  /** Ends every connection and accepts no more. */
  close(): void;
}

export interface ProxyState {
  delayMs: number;
  /** Nothing is read or delivered, not even that a connection has ended. */
  isCut: boolean;
}

/** An accepted connection. While the proxy is cut it has no far side: a connection request would not arrive. */
interface Connection {
  near: Socket;
  far?: Socket;
  directions: Direction[];
}

/** Opens a proxy to `targetPort`. Resolves once it listens. */
export async function openProxy(targetPort: number): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  let state: ProxyState = { delayMs: 0, isCut: false };

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (near) => {
    const connection: Connection = { near, directions: [] };
    connections.add(connection);
    near.on('error', () => {}); // 'close' follows
    near.on('close', () => forget(connection));
    if (!state.isCut) join(connection);
  });

  function join(connection: Connection): void {
    const { near } = connection;
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    connection.far = far;
    far.on('error', () => {}); // such as a refusal: a server that is down looks the same through the proxy
    far.on('close', () => forget(connection));
    connection.directions = [new Direction(near, far, state), new Direction(far, near, state)];
    if (!state.isCut) near.resume();
  }

  function forget(connection: Connection): void {
    const { near, far } = connection;
    if (near.destroyed && (far === undefined || far.destroyed)) connections.delete(connection);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    set(change) {
      state = { ...state, ...change };
      for (const connection of connections) {
        for (const direction of connection.directions) direction.set(state);
        if (!state.isCut && !connection.far) join(connection);
      }
    },
    reset() {
      for (const { near, far } of connections) for (const socket of [near, far]) if (socket) resetSocket(socket);
      return connections.size;
    },
    close() {
      server.close();
      for (const { near, far } of connections) for (const socket of [near, far]) socket?.destroy();
    },
  };
}

/** What travels from one end to the other: bytes, their end, or a reset. */
type Passing = Buffer | 'end' | 'reset';

/** A proxy holds back this much before it stops reading, as a network's buffers do. */
const maxHeldBytes = 1024 * 1024;

/** One direction of a connection. Everything arrives in the order in which it was sent, even if the delay changes. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: { what: Passing; sentAt: number }[] = [];
  #heldBytes = 0;
  #state: ProxyState;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, state: ProxyState) {
    this.#from = from;
    this.#to = to;
    this.#state = state;
    from.on('data', (bytes: Buffer) => this.#send(bytes));
    from.on('end', () => this.#send('end'));
    from.on('close', (hadError) => hadError && this.#send('reset'));
    to.on('drain', () => this.#advance());
    if (state.isCut) from.pause();
  }

  /** Data in transit waits too, and arrives after the heal: TCP retransmits what was not acknowledged. */
  set(state: ProxyState): void {
    this.#state = state;
    this.#advance();
  }

  #send(what: Passing): void {
    this.#held.push({ what, sentAt: performance.now() });
    this.#heldBytes += what.length;
    this.#advance();
  }

  /** Delivers what has travelled long enough, and stops reading while too much is held. */
  #advance(): void {
    const { isCut, delayMs } = this.#state;
    clearTimeout(this.#timer);
    for (let [next] = this.#held; next && !isCut; [next] = this.#held) {
      const leftMs = next.sentAt + delayMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#advance(), leftMs);
        break;
      }
      this.#held.shift();
      this.#heldBytes -= next.what.length;
      this.#pass(next.what);
    }
    const isFull = this.#heldBytes > maxHeldBytes || this.#to.writableNeedDrain;
    if (isCut || isFull) this.#from.pause();
    else this.#from.resume();
  }

  #pass(what: Passing): void {
    if (this.#to.destroyed) return;
    if (what === 'reset') resetSocket(this.#to);
    else if (what === 'end') this.#to.end();
    else this.#to.write(what);
  }
}

/** Ends a connection as if it broke. A socket that has sent its end cannot be reset. */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
