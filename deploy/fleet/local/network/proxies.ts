import { Worker } from 'node:worker_threads';
import { FleetError, type Network } from '../../fleet.ts';
import { pingRedis } from '../../probe-redis.ts';
import type { ProxyCall, ProxyReply } from './worker.ts';

/** The network of a local fleet: every replica reaches Redis through a proxy of its own. */
export interface LocalNetwork extends Required<Network> {
  /** @returns the port on 127.0.0.1 at which the replica finds Redis */
  open(replica: number): Promise<number>;
  close(replica: number): Promise<void>;
  /** Ends all proxies. Safe to call twice. */
  end(): Promise<void>;
}

/**
 * Starts the thread that carries all connections to `targetPort` on 127.0.0.1: what measures a fleet must not slow its
 * network. The thread does not keep this process alive.
 */
export function startProxies(targetPort: number): LocalNetwork {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { targetPort }, execArgv: [] });
  worker.unref();
  const waiting = new Map<number, PromiseWithResolvers<number>>();
  let calls = 0;
  let hasEnded = false;
  worker.on('message', (reply: ProxyReply) => {
    const { resolve, reject } = waiting.get(reply.id) ?? Promise.withResolvers<number>();
    waiting.delete(reply.id);
    if ('error' in reply) reject(new FleetError(reply.error));
    else resolve(reply.result);
  });
  const fail = (cause: unknown) => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(new FleetError('the network proxies have ended', [], { cause }));
    waiting.clear();
  };
  worker.on('error', fail);
  worker.on('exit', fail);

  async function ask(call: ProxyCall['call'], replica: number, ms?: number): Promise<number> {
    if (hasEnded) throw new FleetError('the network proxies have ended');
    const id = calls++;
    const reply = Promise.withResolvers<number>();
    waiting.set(id, reply);
    worker.ref(); // until the reply, or the process could end while it waits
    worker.postMessage({ id, call, replica, ...(ms !== undefined && { ms }) } satisfies ProxyCall);
    return reply.promise.finally(() => waiting.size === 0 && worker.unref());
  }
  return {
    open: (replica) => ask('open', replica),
    close: async (replica) => void (await ask('close', replica)),
    cut: async (replica) => void (await ask('cut', replica)),
    heal: async (replica) => void (await ask('heal', replica)),
    delay: async (replica, ms) => void (await ask('delay', replica, ms)),
    reset: (replica) => ask('reset', replica),
    ping: async (replica, ms) => pingRedis(await ask('port', replica), ms),
    end: async () => void (await worker.terminate()),
  };
}
