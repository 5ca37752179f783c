import autocannon from 'autocannon';
import type { BackgroundLoad } from './history.ts';

const connections = 16;

/** Reads the carts of logged-in users with autocannon until stopped, at `rate` requests a second. */
export function startBackground(url: string, cookies: string[], rate: number, seconds: number) {
  let next = 0;
  const instance = autocannon({
    url: `${url}/cart`,
    connections,
    overallRate: rate,
    duration: seconds,
    timeout: 10,
    setupClient(client) {
      client.setHeaders({ cookie: cookies[next++ % cookies.length] ?? '' });
    },
  });
  return {
    async stop(): Promise<BackgroundLoad> {
      (instance as unknown as { stop(): void }).stop();
      const result = await instance;
      return { answered: result['2xx'], failed: result.non2xx + result.errors };
    },
  };
}
