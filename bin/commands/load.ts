import path from 'node:path';
import autocannon from 'autocannon';
import { Command, InvalidArgumentError, Option } from 'commander';
import { drivers, explain, openFleet, wholeNumber } from '../deploy/fleet/command.ts';
import { FleetError } from '../deploy/fleet/fleet.ts';
import { defaultDir } from '../deploy/fleet/local-files.ts';
import { renderTable } from '../deploy/fleet/table.ts';
import { logIn } from './log-in.ts';

interface Options {
  fleet: string;
  dir: string;
  seconds: number;
  connections: number;
  path: string;
  json?: boolean;
}

const options = new Command('load')
  .description('Sends as many reads of logged-in users as the fleet that is up answers.')
  .addOption(new Option('--fleet <driver>', 'which fleet').choices(drivers).default('local'))
  .option('--seconds <n>', 'for how long', wholeNumber(1, 3600), 10)
  .option('--connections <n>', 'how many connections, each with a user of its own', wholeNumber(1, 1000), 32)
  .option('--path <path>', 'what is read', readPath, '/profile')
  .option('--dir <folder>', 'where the local fleet is', (dir) => path.resolve(dir), defaultDir)
  .option('--json', 'print JSON')
  .parse()
  .opts<Options>();

process.exit(await load(options).catch(explain));

async function load({ seconds, connections, path: address, json, ...options }: Options): Promise<number> {
  const fleet = await openFleet(options.fleet, options.dir);
  const { http, driver, store } = await fleet.describe();
  const cookies = await logIn(http, connections);
  if (!json)
    console.log(`${driver} fleet, store ${store}: GET ${address} on ${connections} connections for ${seconds} s …`);
  const shares = new Map<string, number>();
  let next = 0;
  const result = await autocannon({
    url: http,
    connections,
    duration: seconds,
    setupClient: (client) => client.setHeaders({ cookie: cookies[next++ % cookies.length] ?? '' }),
    requests: [
      { method: 'GET', path: address, onResponse: (_status, _body, _context, headers) => count(shares, headers) },
    ],
  } as autocannon.Options);
  // autocannon drops what is on its way at a cut connection without a word.
  const dropped = result.requests.sent - result['2xx'] - result.non2xx - result.errors - connections;
  if (dropped > 0) throw new FleetError(`the run is void: ${dropped} requests got lost on cut connections`);
  const { average, p50, p90, p99, max } = result.latency;
  const requests = { perSecond: Math.round(result.requests.average), answered: result.requests.total };
  const failed = result.non2xx + result.errors;
  const latencyMs = { average, p50, p90, p99, max };
  const total = [...shares.values()].reduce((sum, share) => sum + share, 0);
  const rows = [...shares].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  if (json)
    console.log(JSON.stringify({ driver, store, ...requests, failed, latencyMs, shares: Object.fromEntries(rows) }));
  else {
    console.log(`\n${requests.perSecond} requests a second (${requests.answered} in all, ${failed} failed)`);
    console.log(`latency: p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, longest ${max} ms\n`);
    const table = rows.map(([name, share]) => [name, share, `${((100 * share) / total).toFixed(1)} %`]);
    console.log(renderTable(['replica', 'requests', 'share'], table));
  }
  return failed > 0 ? 1 : 0;
}

function readPath(text: string): string {
  if (text.startsWith('/')) return text;
  throw new InvalidArgumentError('It must begin with a slash.');
}

function count(shares: Map<string, number>, headers: unknown): void {
  const name = (headers as Record<string, string>)['X-Served-By'] ?? 'nobody';
  shares.set(name, (shares.get(name) ?? 0) + 1);
}
