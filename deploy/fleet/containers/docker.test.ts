import { expect, test } from 'vitest';
import { FleetError } from '../fleet.ts';
import { inspectContainers } from './docker.ts';

/** An engine that lists these containers; of those that are gone `docker inspect` says so, in this line. */
function engine(listed: string[], gone: string[], line = 'Error: No such object: ') {
  const calls: string[] = [];
  const run = async ([command = '', ...args]: string[]): Promise<string> => {
    calls.push(command);
    if (command === 'ps') return listed.join('\n');
    const missing = args.filter((id) => gone.includes(id)).map((id) => `${line}${id}`);
    if (missing.length > 0) throw new FleetError('docker inspect failed', missing);
    return JSON.stringify(args.map((Id) => ({ Id })));
  };
  return { calls, inspect: async () => (await inspectContainers(run, 'label=x')).map(({ Id }) => Id) };
}

test('a container that is removed between listing and inspecting is left out, and no other', async () => {
  const { inspect, calls } = engine(['a', 'b', 'c', 'd'], ['b', 'd']);
  expect(await inspect()).toEqual(['a', 'c']);
  expect(calls).toEqual(['ps', 'inspect', 'inspect']);
  expect(await engine(['a'], ['a']).inspect()).toEqual([]);
  expect(await engine([], []).inspect()).toEqual([]);
});

test('another failure of docker inspect is one', async () => {
  const { inspect, calls } = engine(['a'], ['a'], 'Cannot connect to the Docker daemon at a');
  await expect(inspect()).rejects.toThrow('docker inspect failed');
  expect(calls).toEqual(['ps', 'inspect']);
});
