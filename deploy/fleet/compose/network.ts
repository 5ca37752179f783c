import { timed } from './compose-parts.ts';
import { appContainers, docker } from './docker.ts';
import { FleetError, type Links, pickReplica } from './fleet.ts';

/**
 * Redis is in a network of its own (`back`), which a replica can be taken out of. nginx reaches it through the other.
 *
 * Docker gives a replica that comes back the lowest address that is free, which may be another than it had: then its old
 * connections are dead for good, and nobody tells it.
 */
export function createComposeLinks(): Links {
  return {
    async cut(number) {
      const { container } = pickReplica(await appContainers(), number);
      await docker(['network', 'disconnect', await backNetwork(container.Config.Labels), container.Id]);
    },
    async heal(number) {
      const { container } = pickReplica(await appContainers(), number);
      const network = await backNetwork(container.Config.Labels);
      if (container.NetworkSettings.Networks[network]) return;
      await docker(['network', 'connect', '--alias', 'app', network, container.Id]);
    },
    async ping(number, ms) {
      const { container } = pickReplica(await appContainers(), number);
      return timed(['exec', container.Id, 'node', '-e', askRedis, String(ms)], /^\+PONG/);
    },
  };
}

/** Run in the replica's container: what it finds under the address that it was given. */
const askRedis = `
  const { hostname, port } = new URL(process.env.REDIS_URL);
  const socket = require('node:net').connect(port || 6379, hostname, () => socket.write('PING\\r\\n'));
  socket.on('data', (said) => process.exit(console.log(String(said)))).on('error', () => process.exit(1));
  setTimeout(() => process.exit(1), Number(process.argv[1]));
`;

/** Its name begins with that of the project. */
async function backNetwork(labels: Record<string, string>): Promise<string> {
  const label = 'com.docker.compose';
  const filters = [`label=${label}.network=back`, `label=${label}.project=${labels[`${label}.project`]}`];
  const found = await docker([
    'network',
    'ls',
    '--format',
    '{{.Name}}',
    ...filters.flatMap((filter) => ['--filter', filter]),
  ]);
  if (found.trim() === '') throw new FleetError('there is no network "back" between the replicas and Redis');
  return found.trim();
}
