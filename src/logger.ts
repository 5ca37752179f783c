import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

export type { Logger };

/** Logs JSON lines, each with the replica's name. */
export function createLogger({ replica, logLevel: level }: Config, destination: DestinationStream): Logger {
  return pino({ level, base: { replica }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
