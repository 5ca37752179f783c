import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { createComposeFleet } from './compose.ts';
import { connectFleet } from './control.ts';
import { type Fleet, FleetError } from './fleet.ts';
import { type LocalOptions, startLocalFleet } from './local.ts';
import { defaultDir } from './local-files.ts';

// What the commands share. They, and this, are the only ones that look at the process: its signals, its parent.

export const drivers = ['local', 'compose'];
export const stores = ['durable', 'plain', 'memory'];

/** Reads an option that is a whole number. */
export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads an option that is a path. */
export function absolutePath(text: string): string {
  return path.resolve(text);
}

/** @throws {FleetError} where nothing is up */
export async function openFleet(driver: string, dir: string = defaultDir): Promise<Fleet> {
  if (driver === 'compose') {
    const fleet = createComposeFleet();
    await fleet.describe();
    return fleet;
  }
  const fleet = await connectFleet(dir);
  if (fleet) return fleet;
  throw new FleetError('nothing is up: start a fleet with "npm run up -- --detach" or "npm run demo"');
}

/**
 * Starts a local fleet for as long as `use` takes, and ends it whatever happens.
 *
 * `ending` resolves where the process is asked to end: `use` should return then.
 */
export async function withLocalFleet<T>(
  options: LocalOptions,
  use: (fleet: Fleet, ending: Promise<void>) => Promise<T>,
): Promise<T | undefined> {
  const ending = endOfProcess();
  const starting = startLocalFleet(options);
  const fleet = await Promise.race([starting, ending]);
  if (!fleet) {
    await starting.then((started) => started.down()).catch(() => {});
    return undefined;
  }
  try {
    return await use(fleet, ending);
  } finally {
    await fleet.down();
  }
}

/** npm sends on the Ctrl-C that the terminal sends to us as well. */
const echoMs = 500;

/**
 * Resolves at the first signal that asks this process to end, or when npm, which started it, is gone. A later signal
 * ends it at once.
 */
export function endOfProcess(): Promise<void> {
  const parent = process.ppid;
  const isNpms = process.env.npm_lifecycle_event !== undefined && process.env.UNSTICKY_DETACHED === undefined;
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const ask = () => {
      if (askedAt !== undefined && performance.now() - askedAt > echoMs) process.exit(130);
      askedAt ??= performance.now();
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, ask);
    if (isNpms) setInterval(() => process.ppid !== parent && resolve(), 250).unref();
  });
}

/** Says an error in words: one line, then the last log lines of the part that failed. Returns the exit code. */
export function explain(err: unknown): number {
  if (!(err instanceof FleetError)) {
    console.error(err);
    return 1;
  }
  console.error(`unsticky: ${err.message}`);
  for (const line of err.logLines) console.error(`  | ${line.slice(0, 500)}`);
  return 1;
}
