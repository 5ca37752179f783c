import { Worker } from 'node:worker_threads';
import { FleetError, type Links } from './fleet.ts';
import { pingRedis } from './redis-ping.ts';

/** The links of a local fleet: every replica reaches Redis through one of its own. */
export interface LocalLinks extends Required<Links> {
  /** @returns the port on 127.0.0.1 at which the replica finds Redis */
  open(replica: number): Promise<number>;
  close(replica: number): Promise<void>;
  /** Ends all of them. Safe to call twice. */
  end(): Promise<void>;
}

/** What the thread is asked to do, and what it answers. */
export interface LinkCall {
  id: number;
  call: 'open' | 'port' | 'close' | 'cut' | 'heal' | 'delay' | 'reset';
  replica: number;
  ms?: number;
}
/** The result is the link's port, or of `reset` how many connections there were. */
export type LinkReply = { id: number; result: number } | { id: number; error: string };

/** Starts the thread that carries all links to `targetPort` on 127.0.0.1. It does not keep this process alive. */
export function startLinks(targetPort: number): LocalLinks {
  const worker = new Worker(new URL('./links-worker.ts', import.meta.url), {
    workerData: { targetPort },
    execArgv: [],
  });
  worker.unref();
  const waiting = new Map<number, PromiseWithResolvers<number>>();
  let calls = 0;
  let hasEnded = false;
  worker.on('message', (reply: LinkReply) => {
    const { resolve, reject } = waiting.get(reply.id) ?? Promise.withResolvers<number>();
    waiting.delete(reply.id);
    if ('error' in reply) reject(new FleetError(reply.error));
    else resolve(reply.result);
  });
  const fail = (cause: unknown) => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(new FleetError('the links have ended', [], { cause }));
    waiting.clear();
  };
  worker.on('error', fail);
  worker.on('exit', fail);

  async function ask(call: LinkCall['call'], replica: number, ms?: number): Promise<number> {
    if (hasEnded) throw new FleetError('the links have ended');
    const id = calls++;
    const reply = Promise.withResolvers<number>();
    waiting.set(id, reply);
    worker.ref(); // until it has answered, or the process could end while it waits
    worker.postMessage({ id, call, replica, ...(ms !== undefined && { ms }) } satisfies LinkCall);
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
