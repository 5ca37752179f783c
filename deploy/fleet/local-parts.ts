import { FleetError, type Part } from './fleet.ts';
import type { ServerProcess } from './process.ts';
import { servedBy } from './wait.ts';

/**
 * Redis or nginx of a local fleet, as commands and faults know it.
 * @param find the process that was started last under this name
 * @param ending the signal upon which it ends in order
 */
export function createPart(
  name: string,
  find: () => ServerProcess | undefined,
  start: () => Promise<void>,
  ending: NodeJS.Signals,
  graceMs: number,
): Part {
  return {
    async kill(signal = 'SIGKILL') {
      const server = requireRunning(name, find());
      server.signal(signal, signal === 'SIGKILL');
      if (signal === 'SIGKILL') await server.ended;
    },
    async start() {
      const server = find();
      if (server && !server.end) throw new FleetError(`${name} runs already`);
      await start();
    },
    pause: async () => requireRunning(name, find()).signal('SIGSTOP', true),
    resume: async () => requireRunning(name, find()).signal('SIGCONT', true),
    async restart() {
      await find()?.stop(ending, graceMs);
      await start();
    },
  };
}

/**
 * Has nginx read its configuration anew. Resolves once it has answered from every replica that is ready, new ones included;
 * a removed one may get a last request, which it answers: it drains.
 */
export async function reloadNginx(nginx: ServerProcess | undefined, httpPort: number, ready: string[]): Promise<void> {
  requireRunning('nginx', nginx).signal('SIGHUP');
  await servedBy(`http://127.0.0.1:${httpPort}`, ready);
}

/** @throws {FleetError} that says how to start it */
export function requireRunning(name: string, server: ServerProcess | undefined): ServerProcess {
  if (server && !server.end) return server;
  throw new FleetError(`${name} is down: start it again with "restart ${name}"`);
}
