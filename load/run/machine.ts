import os from 'node:os';
import type { MachineLoad } from '../users/history.ts';

const everyMs = 1000;

/**
 * Watches how busy this machine is: a verdict about times says little of one that is overloaded.
 * @param pingRedis how long Redis takes to answer, in milliseconds; null if it does not
 * @returns a function that stops and returns the worst values
 */
export function watchMachine(pingRedis?: () => Promise<number | null>): () => MachineLoad {
  const worst: MachineLoad = { processors: os.availableParallelism(), loadAverage: 0, redisPingMs: null };
  const look = () => {
    worst.loadAverage = Math.max(worst.loadAverage, os.loadavg()[0] ?? 0);
    pingRedis?.().then((ms) => {
      if (ms !== null) worst.redisPingMs = Math.max(worst.redisPingMs ?? 0, ms);
    });
  };
  look();
  const timer = setInterval(look, everyMs).unref();
  return () => {
    clearInterval(timer);
    return worst;
  };
}
