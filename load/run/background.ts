import autocannon from 'autocannon';
import type { BackgroundLoad } from './history.ts';

const connections = 8;

/** Reads carts with autocannon, as those whom these cookies belong to, until stopped; `rate` requests a second. */
export function startBackground(url: string, cookies: string[], rate: number) {
  let next = 0;
  const instance = autocannon({
    url: `${url}/cart`,
    connections,
    overallRate: rate,
    duration: 24 * 3600,
    timeout: 10,
    ignoreCoordinatedOmission: true,
    setupClient(client) {
      client.setHeaders({ cookie: cookies[next++ % cookies.length] ?? '' });
    },
  });
  return {
    async stop(): Promise<BackgroundLoad> {
      (instance as unknown as { stop(): void }).stop();
      const result = await instance;
      // It drops without a word what a cut connection had on its way. It sends in bursts, one a second, and one more at the
      // very moment at which it stops, the answers to which it does not wait for.
      const answers = result['2xx'] + result.non2xx + result.errors;
      const dropped = Math.max(0, result.requests.sent - answers - rate);
      return { answered: result['2xx'], failed: result.non2xx + result.errors + dropped };
    },
  };
}
