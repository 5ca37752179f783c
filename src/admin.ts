import { createServer, type RequestListener } from 'node:http';
import { isIP } from 'node:net';
import type { Context } from './context.ts';

/**
 * Probes and metrics, on a port of their own that nginx never proxies.
 *
 * /readyz reports the state of the store but does not fail with it: an outage of Redis would take all replicas out at once.
 */
export function createAdminServer(context: Context) {
  return createServer(answerAdmin(context));
}

function answerAdmin({ lifecycle, metrics, redis, config }: Context): RequestListener {
  return async function answerAdmin(req, res) {
    const json = (status: number, body: object) =>
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    if (isForeignName(req.headers.host))
      return json(403, { error: 'Use the address of this replica, not a public name.' });
    if (req.method !== 'GET' && req.method !== 'HEAD') return json(405, { error: 'Use GET.' });
    switch (req.url) {
      case '/livez':
        return json(200, { state: lifecycle.state });
      case '/readyz': {
        const store = { kind: config.store, reachable: redis?.isReady ?? true };
        const { state } = lifecycle;
        const requestsServed = metrics?.requestsServed() ?? null;
        return json(state === 'ready' ? 200 : 503, { state, pid: process.pid, requestsServed, store });
      }
      case '/metrics':
        if (!metrics) return json(404, { error: 'This replica has no metrics: it was started with METRICS=off.' });
        return res.writeHead(200, { 'Content-Type': metrics.contentType }).end(await metrics.read());
      default:
        return json(404, { error: 'Not found: use /livez, /readyz or /metrics.' });
    }
  };
}

const localSuffix = /\.(internal|local|localhost|svc)$/;

/**
 * A public name that leads here is a web page's attempt to read this listener through its visitor's browser (DNS rebinding).
 * Addresses, and names that no public DNS has, are fine.
 */
function isForeignName(host = ''): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name.includes('.') && isIP(name) === 0 && !localSuffix.test(name);
}
