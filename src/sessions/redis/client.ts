/**
 * Options for node-redis's `createClient` that suit the store: it reconnects for ever, at first after 50 ms, then after
 * twice as long up to 500 ms, less up to half at random so that replicas do not return in step; and while it is
 * disconnected, commands fail at once.
 * @example createClient({ url, ...redisOptions })
 */
export const redisOptions = {
  disableOfflineQueue: true,
  commandsQueueMaxLength: 10_000, // of commands that a Redis which hangs has not answered yet
  socket: {
    connectTimeout: 500,
    reconnectStrategy: (attempts: number) => Math.min(500, 50 * 2 ** attempts) * (1 - Math.random() / 2),
  },
};
