import type { Client } from './client.ts';

/**
 * An attempt to connect notices that its client was destroyed when its socket has closed, and only if the client is not
 * open again by then. Else two attempts go on with two connections and one queue, and an answer is taken for that to
 * another's question (node-redis 6.3.1).
 */
const noticedMs = 20;

/** Notices a connection on which nothing comes any more. */
export interface SilenceWatch {
  asked(): void;
  /** Redis has said something, if only an error. */
  heard(): void;
  /** A call got no answer in time, or could not be made. */
  missed(): void;
}

/**
 * Replaces the connection of a client where Redis has not answered for `ms`, although it was asked: an address that has
 * changed, a firewall that has forgotten, a host that is gone. TCP alone takes many minutes to give such a connection up,
 * and node-redis's `socketTimeout` never fires while commands are being written. A Redis that refuses connections is left
 * to the client's own reconnecting.
 */
export function watchSilence(client: Client, ms: number): SilenceWatch {
  /** Since when it has been asked without an answer. */
  let since: number | undefined;
  const heard = () => {
    since = undefined;
  };
  const asked = () => {
    since ??= performance.now();
  };
  client.on('connect', asked); // it begins with questions of its own
  client.on('ready', heard);
  client.on('error', heard); // nothing to wait for until the next attempt
  client.on('reconnecting', heard);
  return {
    asked,
    heard,
    missed() {
      if (since === undefined || !client.isOpen || performance.now() - since < ms) return;
      heard();
      client.destroy();
      setTimeout(() => client.isOpen || client.connect().catch(() => {}), noticedMs).unref(); // its own listener for errors is told
    },
  };
}
