import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { LinkWay, resetSocket } from './link-way.ts';

/** A way to a server on 127.0.0.1 that can be broken as a network is. */
export interface Link {
  /** Where it listens on 127.0.0.1. */
  port: number;
  set(state: LinkState): void;
  /** Ends every connection with a TCP reset. @returns how many there were */
  reset(): number;
  /** Ends every connection, and takes no more. */
  close(): void;
}

export interface LinkState {
  delayMs: number;
  /** Nothing is read and nothing delivered: not even that a connection has ended. */
  isCut: boolean;
}

/** One that was accepted. While the link is cut it has no other half: nobody who is asked for one would hear of it. */
interface Connection {
  near: Socket;
  far?: Socket;
  ways: LinkWay[];
}

/** Opens a link to `targetPort`. Resolves once it listens. */
export async function openLink(targetPort: number): Promise<Link> {
  const connections = new Set<Connection>();
  let state: LinkState = { delayMs: 0, isCut: false };

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (near) => {
    const connection: Connection = { near, ways: [] };
    connections.add(connection);
    near.on('error', () => {}); // told by 'close'
    near.on('close', () => forget(connection));
    if (!state.isCut) join(connection);
  });

  function join(connection: Connection): void {
    const { near } = connection;
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    connection.far = far;
    far.on('error', () => {}); // refused, for one: a server that is down looks down from here too
    far.on('close', () => forget(connection));
    connection.ways = [new LinkWay(near, far, state), new LinkWay(far, near, state)];
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
    set(next) {
      state = next;
      for (const connection of connections) {
        for (const way of connection.ways) way.set(state);
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
