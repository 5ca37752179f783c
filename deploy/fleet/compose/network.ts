import { type Container, measure } from '../containers/docker.ts';
import { FleetError, type Network, pickReplica } from '../fleet.ts';
import { type Docker, label } from './docker.ts';

/**
 * Cuts a replica off by taking it out of the network `back`, where Redis is; nginx reaches it through another network.
 *
 * When it comes back, Docker gives the replica the lowest free address, which may differ from its old one: then its old
 * connections are dead, and it gets no notice of that.
 */
export function createComposeNetwork(docker: Docker): Network {
  const containerOf = async (number: number) => pickReplica(await docker.replicas(), number);
  return {
    async cut(number) {
      const container = await containerOf(number);
      await docker.run(['network', 'disconnect', await backNetwork(docker, container), container.Id]);
    },
    async heal(number) {
      const container = await containerOf(number);
      const network = await backNetwork(docker, container);
      if (container.NetworkSettings.Networks[network]) return;
      await docker.run(['network', 'connect', '--alias', 'app', network, container.Id]);
    },
    async ping(number, ms) {
      const container = await containerOf(number);
      return measure(docker, container, ['exec', container.Id, 'node', '-e', askRedis, String(ms)], /^PONG/);
    },
  };
}

/** Runs in the replica's container: pings Redis at the address that the replica uses. */
const askRedis = `
  const url = require('node:fs').readFileSync(process.env.REDIS_URL_FILE, 'utf8');
  const { hostname, port, username, password } = new URL(url.trim());
  const text = 'AUTH ' + username + ' ' + password + '\\r\\nPING\\r\\n';
  const socket = require('node:net').connect(port || 6379, hostname, () => socket.write(text));
  socket.on('data', (reply) => /PONG/.test(reply) && process.exit(console.log('PONG')));
  socket.on('error', () => process.exit(1));
  setTimeout(() => process.exit(1), Number(process.argv[1]));
`;

/** The name of the network `back`, which starts with the project's name. */
async function backNetwork(docker: Docker, { Config }: Container): Promise<string> {
  const filters = [`label=${label}.network=back`, `label=${label}.project=${Config.Labels[`${label}.project`]}`];
  const options = filters.flatMap((filter) => ['--filter', filter]);
  const found = await docker.run(['network', 'ls', '--format', '{{.Name}}', ...options]);
  if (found.trim() === '') throw new FleetError('there is no network "back" between the replicas and Redis');
  return found.trim();
}
