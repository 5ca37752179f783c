import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

export type { Logger };

/** Logs JSON lines to standard output (or `destination`), each with the replica's name. */
export function createLogger({ replica, logLevel: level }: Config, destination?: DestinationStream): Logger {
  const options = { level, base: { replica }, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}
