import autocannon from 'autocannon';
import type { BackgroundLoad } from '../users/history.ts';

const connections = 8;

/** Reads carts with autocannon, as the owners of these cookies, until stopped; `rate` requests per second. */
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
      // autocannon silently drops requests under way on a cut connection. It sends in bursts, one a second, and one more
      // at the moment it stops, without waiting for those responses.
      const responses = result['2xx'] + result.non2xx + result.errors;
      const dropped = Math.max(0, result.requests.sent - responses - rate);
      return { answered: result['2xx'], failed: result.non2xx + result.errors + dropped };
    },
  };
}
