import { InvalidArgumentError } from 'commander';
import { createComposeFleet } from './compose.ts';
import { connectFleet } from './control.ts';
import { type Fleet, FleetError } from './fleet.ts';
import { defaultDir } from './local-files.ts';

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
