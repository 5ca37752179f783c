// The session layer's public face. It imports nothing else of this project: the npm package is made of this folder.

export { createSessions } from './create.ts';
export { SessionError, type SessionErrorCode } from './errors.ts';
export type { SessionEvent, StoreCommand, StoreOutcome } from './events.ts';
export type { Attributes, CookieChoices, SessionsOptions } from './options.ts';
export { type Address, redisOptions } from './redis/client.ts';
export { type ClusterClient, type ClusterOptions, followCluster } from './redis/servers/cluster.ts';
export { followPrimary, type PrimaryOptions } from './redis/servers/follow-primary.ts';
export type { PrimaryClient } from './redis/servers/primary.ts';
export { type Closing, sessionSignal } from './request/session-signal.ts';
export { type Draft, destroySession, renewSession, updateSession } from './update.ts';
export {
  describeSession,
  eraseSessions,
  listSessions,
  type Receipt,
  requireFresh,
  revokeSessions,
  type SessionEntry,
  type User,
} from './user-sessions.ts';
