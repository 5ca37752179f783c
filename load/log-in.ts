import { FleetError } from '../deploy/fleet/fleet.ts';
import { visitors } from './mix.ts';
import { createUsers } from './users.ts';
import { createWitness } from './witness.ts';

/** Logs in that many users at the site. @returns their cookies @throws {FleetError} where one could not */
export async function logIn(url: string, count: number): Promise<string[]> {
  const witness = createWitness({ url, connections: count, keys: true, promises: false, now: () => performance.now() });
  const users = createUsers(witness, count, 0, 1, visitors);
  await users.logIn().finally(() => witness.close());
  if (users.cookies().some((cookie) => cookie === '')) throw new FleetError(`not every user could log in at ${url}`);
  return users.cookies();
}
