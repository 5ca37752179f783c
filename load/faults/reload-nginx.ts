import { once } from 'node:events';
import { connect } from 'node:net';
import { type Fault, FaultError, nothing } from './fault.ts';

/** The old workers answer what is under way and close what is idle: such a connection shows that they go. */
export const reloadNginx: Fault = {
  about: 'nginx reads its configuration anew (SIGHUP)',
  seconds: 1,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const idle = await openIdle((await fleet.describe()).http);
    try {
      const closed = once(idle, 'close', { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
      breaks(['nginx']);
      await fleet.proxy.reload();
      if (!(await closed)) throw new FaultError('the old workers of nginx keep their connections');
    } finally {
      idle.destroy();
    }
    return 'the old workers of nginx have closed what was idle';
  },
};

/** A connection that has had an answer and is kept alive. */
async function openIdle(http: string) {
  const { hostname, port } = new URL(http);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /whoami HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(socket, 'data', { signal: AbortSignal.timeout(10_000) });
  return socket.resume();
}
