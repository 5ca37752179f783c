import { parentPort, workerData } from 'node:worker_threads';
import { openProxy, type TcpProxy } from './tcp-proxy.ts';

// The thread that proxies.ts starts.

export interface ProxyCall {
  id: number;
  call: 'open' | 'port' | 'close' | 'cut' | 'heal' | 'delay' | 'reset';
  replica: number;
  ms?: number;
}

/** The result is the proxy's port, or for `reset` the number of connections. */
export type ProxyReply = { id: number; result: number } | { id: number; error: string };

const { targetPort } = workerData as { targetPort: number };
const proxies = new Map<number, TcpProxy>();

parentPort?.on('message', async ({ id, call, replica, ms = 0 }: ProxyCall) => {
  const reply: ProxyReply = await perform(call, replica, ms).then(
    (result) => ({ id, result }),
    (err: Error) => ({ id, error: err.message }),
  );
  parentPort?.postMessage(reply);
});

async function perform(call: ProxyCall['call'], replica: number, ms: number): Promise<number> {
  if (call === 'open') proxies.set(replica, await openProxy(targetPort));
  const proxy = proxies.get(replica);
  if (!proxy) throw new Error(`replica ${replica} has no proxy to Redis`);
  if (call === 'reset') return proxy.reset();
  if (call === 'close') {
    proxy.close();
    proxies.delete(replica);
  }
  if (call === 'cut') proxy.set({ isCut: true });
  if (call === 'delay') proxy.set({ delayMs: ms });
  if (call === 'heal') proxy.set({ delayMs: 0, isCut: false });
  return proxy.port;
}
