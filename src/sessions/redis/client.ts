/** Where a server of Redis is. */
export interface Address {
  host: string;
  port: number;
}

export const isSameAddress = (one: Address, other: Address) => one.host === other.host && one.port === other.port;

/** A single Redis, as node-redis's `createClient` gives it. */
export interface Client {
  isReady: boolean;
  isOpen: boolean;
  on(event: 'connect' | 'ready' | 'reconnecting' | 'error' | 'end', listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy(): void;
  /** Sends a command as it is: cheaper than the client's own methods, and the same in redis 5 and 6. */
  sendCommand(command: string[]): Promise<unknown>;
  /** Another connection, for a subscription, or for writes that wait for replicas. */
  duplicate?(): Subscriber;
  close?(): Promise<unknown>;
  /** Whether sentinels confirm that the server it is connected to is the primary. Absent without sentinels. */
  isStillPrimary?(): Promise<boolean>;
}

/** The command was not sent. Known by the name of its class, as that of node-redis (commands.ts). */
export class ClientOfflineError extends Error {
  override name = 'ClientOfflineError';
}

export interface Subscriber extends Client {
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  unref(): void;
}

/**
 * Options for node-redis's `createClient` that suit the store: it reconnects for ever, at first after 50 ms, then after
 * twice as long up to 500 ms, less up to half at random so that replicas do not return in step; and while it is
 * disconnected, commands fail at once.
 * @example createClient({ url, ...redisOptions })
 */
export const redisOptions = {
  disableOfflineQueue: true,
  // The store has deadlines of its own; node-redis's default makes an AbortSignal for each command (18 % of a read's CPU).
  commandOptions: { timeout: undefined as never },
  commandsQueueMaxLength: 10_000, // of commands that a Redis which hangs has not answered yet
  socket: {
    connectTimeout: 500,
    reconnectStrategy: (attempts: number) => Math.min(500, 50 * 2 ** attempts) * (1 - Math.random() / 2),
  },
};
