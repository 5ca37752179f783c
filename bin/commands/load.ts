import autocannon from 'autocannon';
import { type Command, InvalidArgumentError } from 'commander';
import { openFleet } from '../../deploy/fleet/drivers.ts';
import { FleetError } from '../../deploy/fleet/fleet.ts';
import { logInUsers } from '../../load/users/users.ts';
import { addCommand, addFleetOptions, type FleetOptions, jsonOption, run, wholeNumber } from '../options.ts';
import { createTerminal, renderTable } from '../terminal.ts';

interface LoadOptions extends FleetOptions {
  seconds: number;
  connections: number;
  path: string;
}

export function addLoad(program: Command): void {
  const command = addCommand(
    program,
    'Measure:',
    'load',
    'read as fast as the fleet that is up allows, with autocannon',
    [
      ['load --seconds 30', '32 users read their profile'],
      ['load --path /cart --connections 64', '64 users read their cart'],
    ],
  );
  addFleetOptions(command)
    .option('--seconds <n>', 'duration', wholeNumber(1, 3600), 10)
    .option('--connections <n>', 'number of connections, each with its own user', wholeNumber(1, 1000), 32)
    .option('--path <path>', 'what to read', readPath, '/profile')
    .addOption(jsonOption())
    .action(run(load));
}

async function load(options: LoadOptions): Promise<number> {
  const { seconds, connections, path, json, fleet: name, dir } = options;
  const terminal = createTerminal(options);
  const fleet = await openFleet(name, { dir, env: process.env });
  const { http, driver, store } = await fleet.describe();
  const cookies = await logInUsers(http, connections);
  terminal.report(`${driver} fleet, ${store} store: GET ${path} on ${connections} connections for ${seconds} s`);
  const shares = new Map<string, number>();
  let next = 0;
  const running = autocannon({
    url: http,
    connections,
    duration: seconds,
    setupClient: (client) => client.setHeaders({ cookie: cookies[next++ % cookies.length] ?? '' }),
    requests: [{ method: 'GET', path, onResponse: (_status, _body, _context, headers) => countShare(shares, headers) }],
  } as autocannon.Options);
  const result = await terminal.during('measuring', Promise.resolve(running), seconds);
  // autocannon silently drops requests under way on a cut connection.
  const dropped = result.requests.sent - result['2xx'] - result.non2xx - result.errors - connections;
  if (dropped > 0) throw new FleetError(`the run is void: ${dropped} requests were lost on cut connections`);
  const { average, p50, p90, p99, max } = result.latency;
  const perSecond = Math.round(result.requests.average);
  const answered = result.requests.total;
  const failed = result.non2xx + result.errors;
  const rows = [...shares].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  if (json) {
    const latencyMs = { average, p50, p90, p99, max };
    const object = { driver, store, perSecond, answered, failed, latencyMs, shares: Object.fromEntries(rows) };
    terminal.print(JSON.stringify(object));
  } else {
    const failures = failed > 0 ? terminal.style('red', `${failed} failed`) : '0 failed';
    terminal.print(`\n${perSecond} requests per second (${answered} in total, ${failures})`);
    terminal.print(`latency: p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, max ${max} ms\n`);
    const total = rows.reduce((sum, [, share]) => sum + share, 0);
    const table = rows.map(([name, share]) => [name, share, `${((100 * share) / total).toFixed(1)} %`]);
    terminal.print(renderTable(['replica', 'requests', 'share'], table));
    terminal.hint('\nkill a replica meanwhile: unsticky kill 2');
  }
  return failed > 0 ? 1 : 0;
}

function readPath(text: string): string {
  if (text.startsWith('/')) return text;
  throw new InvalidArgumentError('It must start with a slash.');
}

function countShare(shares: Map<string, number>, headers: unknown): void {
  const name = (headers as Record<string, string>)['X-Served-By'] ?? 'no replica';
  shares.set(name, (shares.get(name) ?? 0) + 1);
}
