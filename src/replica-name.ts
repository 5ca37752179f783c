import { getServers, Resolver } from 'node:dns/promises';
import os from 'node:os';

/** The DNS server of Docker's own networks, which knows the names of containers. */
const dockerDns = '127.0.0.11';

/**
 * What people call the container that this process is in: app-1, for unsticky-app-1 of Compose. A container itself knows only
 * its id: /etc/hosts has it too, where `dns.reverse` would look first.
 * @returns undefined if it has no such name, outside of Docker, or if no answer comes within a second
 */
export async function nameInCompose(): Promise<string | undefined> {
  if (!getServers().includes(dockerDns)) return undefined;
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  const asked = Object.values(os.networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => resolver.resolvePtr(`${address.split('.').reverse().join('.')}.in-addr.arpa`));
  const names = await Promise.any(asked).catch(() => []);
  return names.map(serviceAndNumber).find((name) => name !== undefined);
}

/** @param name the container's, and its network's: unsticky-app-1.unsticky_front */
export function serviceAndNumber(name: string): string | undefined {
  const [, service, number] = /^(?:[^.]*[-_])?([a-z0-9]+)[-_](\d+)\./.exec(name) ?? [];
  return service && `${service}-${number}`;
}
