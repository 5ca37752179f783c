import type { Client } from './client.ts';

/**
 * An attempt to connect notices that its client was destroyed when its socket has closed, and only if the client is not
 * open again by then. Otherwise two attempts continue with two connections and one queue, and a reply is matched with the
 * wrong command (node-redis 6.3.1).
 */
const noticedMs = 20;

/** Notices a connection on which nothing arrives any more. */
export interface StaleConnection {
  asked(): void;
  /** Redis has answered, if only with an error. */
  heard(): void;
  /** A call got no answer in time, or could not be made: after `ms` of silence the connection is replaced. */
  missed(ms: number): void;
}

const connections = new WeakMap<Client, StaleConnection>();

/** One for each client, however many session layers use it: each listener counts towards Node's warning of a leak. */
export function staleConnectionOf(client: Client): StaleConnection {
  const found = connections.get(client) ?? createStaleConnection(client);
  connections.set(client, found);
  return found;
}

/**
 * Replaces the connection of a client if Redis has not answered for a while although it was asked: an address that has
 * changed, a firewall that has forgotten the connection, a host that is gone. TCP alone takes many minutes to give such a
 * connection up, and node-redis's `socketTimeout` never fires while commands are being written. A Redis that refuses
 * connections is left to the client's own reconnecting.
 */
function createStaleConnection(client: Client): StaleConnection {
  /** Since when it has been asked without an answer. */
  let since: number | undefined;
  const asked = () => {
    since ??= performance.now();
  };
  const heard = () => {
    since = undefined;
  };
  client.on('connect', asked); // node-redis sends commands of its own first
  client.on('ready', heard);
  client.on('error', heard); // nothing to wait for until the next attempt
  client.on('reconnecting', heard);
  return {
    asked,
    heard,
    missed(ms) {
      if (since === undefined || !client.isOpen || performance.now() - since < ms) return;
      heard();
      client.destroy();
      setTimeout(() => client.isOpen || client.connect().catch(() => {}), noticedMs).unref(); // its error listener reports
    },
  };
}
