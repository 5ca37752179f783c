import { once } from 'node:events';
import { connect } from 'node:net';
import { type Fault, FaultError, noImpact } from './fault.ts';

/** Faults of the proxy. */
export const nginxFaults = {
  /** The old workers finish their requests and close idle connections: that a connection closes shows that they exit. */
  'reload-nginx': {
    about: 'nginx reloads its configuration (SIGHUP)',
    target: 'nginx',
    seconds: 1,
    impactBudget: noImpact,
    async apply(fleet, { declare }) {
      const idle = await openIdle((await fleet.describe()).http);
      try {
        const closed = once(idle, 'close', { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
        declare(['nginx']);
        await fleet.proxy.reload();
        if (!(await closed)) throw new FaultError('the old nginx workers keep their connections');
      } finally {
        idle.destroy();
      }
      return 'the old nginx workers closed their idle connections';
    },
  },

  'kill-nginx': {
    about: 'nginx is killed (SIGKILL) and started again: no request can be answered',
    target: 'nginx',
    seconds: 1,
    impactBudget: { failures: 'all', stallMs: null, answerMs: 3000, mustFail: true },
    async apply(fleet, { declare }) {
      const { http } = await fleet.describe();
      declare(['nginx'], () => fleet.proxy.start());
      await fleet.proxy.kill('SIGKILL');
      const response = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
      if (response) throw new FaultError(`${http} still answers`);
      return `${http} does not answer`;
    },
  },
} as const satisfies Record<string, Fault>;

/** Opens a connection that has had a response and is kept alive. */
async function openIdle(http: string) {
  const { hostname, port } = new URL(http);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /whoami HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(socket, 'data', { signal: AbortSignal.timeout(10_000) });
  return socket.resume();
}
