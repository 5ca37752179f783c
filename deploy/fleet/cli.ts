import { spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { drivers, explain, openFleet, stores, wholeNumber, withLocalFleet } from './command.ts';
import { startComposeFleet } from './compose.ts';
import { connectFleet, serveFleet } from './control.ts';
import { type Fleet, FleetError, type Part } from './fleet.ts';
import { defaultDir } from './local-files.ts';
import { lastLines, writeLogs } from './logs.ts';
import { renderReplicas } from './table.ts';
import { waitFor } from './wait.ts';

interface Options {
  fleet: string;
  dir: string;
  json?: boolean;
}

interface UpOptions extends Options {
  replicas: number;
  store: string;
  http: number;
  https: number;
  prometheus: number;
  detach?: boolean;
}

const program = new Command('unsticky').description(
  'Drives a fleet of replicas behind nginx, with Redis and Prometheus.',
);
const port = wholeNumber(0, 65535);
const signals = ['SIGKILL', 'SIGTERM', 'SIGINT'];

command('up', 'start a fleet; Ctrl-C ends it')
  .option('-n, --replicas <n>', 'how many replicas', wholeNumber(1, 50), 3)
  .addOption(new Option('--store <store>', 'where sessions live').choices(stores).default('durable'))
  .option('--http <port>', 'port for http, on 127.0.0.1; 0 picks a free one', port, 8080)
  .option('--https <port>', 'port for https', port, 8443)
  .option('--prometheus <port>', 'port for Prometheus', port, 9090)
  .option('-d, --detach', 'go on in the background')
  .action(run(up));

command('down', 'end the fleet; data and logs are kept').action(
  run(async ({ fleet, dir }: Options) => {
    const up = fleet === 'local' ? await connectFleet(dir) : await openFleet(fleet, dir);
    if (!up) return console.log('nothing is up');
    await up.down();
    console.log('the fleet is down');
  }),
);

command('status', 'show the replicas').action(
  run(async ({ fleet, dir, json }: Options) => {
    const up = await openFleet(fleet, dir);
    const [description, replicas] = await Promise.all([up.describe(), up.replicas()]);
    if (json) return console.log(JSON.stringify({ ...description, replicas }));
    const { driver, store, http, https, prometheus } = description;
    console.log(`${driver} fleet, store ${store}: ${[http, https, prometheus].filter(Boolean).join(', ')}\n`);
    console.log(renderReplicas(replicas));
  }),
);

command('scale', 'have this many replicas')
  .argument('<count>', 'how many', wholeNumber(1, 50))
  .action(change((fleet, count: number, report) => fleet.scale(count, report)));

command('kill', 'kill a replica, "redis" or "nginx"; it stays down until it is restarted')
  .argument('<target>', 'number or name of a replica, "redis" or "nginx"')
  .addOption(new Option('--signal <signal>', 'which signal').choices(signals).default('SIGKILL'))
  .action(change((fleet, target: string, _, options) => act(fleet, target, 'kill', options.signal as NodeJS.Signals)));

for (const [name, what] of [
  ['pause', 'stop a process where it is: its connections stay open, nothing answers'],
  ['resume', 'let a paused process go on'],
  ['restart', 'drain, start again, wait until it is ready'],
] as const) {
  command(name, what)
    .argument('<target>', 'number or name of a replica, "redis" or "nginx"')
    .action(change((fleet, target: string) => act(fleet, target, name)));
}

command('roll', 'restart the replicas one after the other').action(
  run(async (options: Options) => {
    const fleet = await openFleet(options.fleet, options.dir);
    await fleet.roll(reporter(options));
    await done(fleet, options);
  }),
);

command('logs', 'show what the parts have logged')
  .argument('[parts...]', 'replica-1, nginx, redis, … (all)')
  .option('-f, --follow', 'go on with what comes')
  .option('--lines <n>', 'how many of the last lines of each', wholeNumber(0, 10_000), 20)
  .action(
    run(async (parts: string[], options: Options & { follow?: boolean; lines: number }) => {
      const ending = new AbortController();
      process.once('SIGINT', () => ending.abort());
      const { lines, follow } = options;
      const chosen = { parts, lines, ...(follow && { follow: ending.signal }) };
      // Those of a local fleet are files, there to be read after it has ended too.
      if (options.fleet === 'local') await writeLogs(path.join(options.dir, 'logs'), chosen, console.log);
      else await (await openFleet(options.fleet)).logs(chosen, console.log);
    }),
  );

await program.parseAsync();
process.exit();

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(new Option('--fleet <driver>', 'which fleet').choices(drivers).default('local'))
    .option('--dir <folder>', 'where a local fleet keeps data and logs', (dir) => path.resolve(dir), defaultDir)
    .option('--json', 'print JSON');
}

/** An action whose errors are explained, not thrown. Commander passes the command itself last. */
function run<Args extends unknown[]>(action: (...args: Args) => Promise<unknown>) {
  return async (...args: unknown[]) => {
    process.exitCode = await action(...(args.slice(0, -1) as Args)).then(() => 0, explain);
  };
}

type Change<T> = (
  fleet: Fleet,
  target: T,
  report: (line: string) => void,
  options: Record<string, unknown>,
) => Promise<void>;

/** An action on a fleet, after which its replicas are shown. */
function change<T>(action: Change<T>) {
  return run(async (target: T, options: Options & Record<string, unknown>) => {
    const fleet = await openFleet(options.fleet, options.dir);
    await action(fleet, target, reporter(options), options);
    await done(fleet, options);
  });
}

function reporter({ json }: Options): (line: string) => void {
  return json ? () => {} : console.log;
}

async function done(fleet: Fleet, { json }: Options): Promise<void> {
  const replicas = await fleet.replicas();
  console.log(json ? JSON.stringify({ replicas }) : renderReplicas(replicas));
}

async function act(
  fleet: Fleet,
  target: string,
  verb: 'kill' | 'pause' | 'resume' | 'restart',
  signal?: NodeJS.Signals,
) {
  const part: Part | undefined = target === 'redis' ? fleet.redis : target === 'nginx' ? fleet.proxy : undefined;
  if (part) return verb === 'kill' ? part.kill(signal) : part[verb]();
  const replicas = await fleet.replicas();
  const found = replicas.find(({ number, name }) => String(number) === target || name === target);
  if (!found) {
    const known = replicas.map(({ number }) => number).join(', ');
    throw new FleetError(`there is no ${target}: name a replica (${known}), redis or nginx`);
  }
  return verb === 'kill' ? fleet.kill(found.number, signal) : fleet[verb](found.number);
}

async function up(options: UpOptions): Promise<void> {
  const { dir, store, replicas, http, https, prometheus } = options;
  if (options.fleet === 'compose') {
    const fleet = await startComposeFleet(replicas, store, reporter(options));
    return done(fleet, options);
  }
  if (await connectFleet(dir)) throw new FleetError('a fleet is up already: end it with "npm run down"');
  if (options.detach) return detach(options);
  const report = reporter(options);
  const tlsDir = process.env.TLS_DIR;
  await withLocalFleet(
    { replicas, store, dir, http, https, prometheus, tlsDir, env: process.env, report },
    async (fleet, ending) => {
      const { down } = await serveFleet(fleet, dir);
      const description = await fleet.describe();
      if (options.json) console.log(JSON.stringify({ ...description, replicas: await fleet.replicas() }));
      report(`\nready: ${description.http}   (Ctrl-C ends it; from another terminal: npm run status)`);
      await Promise.race([ending, down]);
      report('going down …');
    },
  );
}

/** Starts `up` again without the terminal, and waits until that fleet answers. */
async function detach(options: UpOptions): Promise<void> {
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '-d');
  const logFile = path.join(options.dir, 'logs', 'up.log');
  mkdirSync(path.dirname(logFile), { recursive: true });
  chmodSync(options.dir, 0o700);
  const log = openSync(logFile, 'a');
  const env = { ...process.env, UNSTICKY_DETACHED: '1' };
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  child.unref();
  const hopeless = () => (child.exitCode !== null ? 'it ended' : undefined);
  const tail = () => lastLines(logFile, 10);
  const fleet = await waitFor('the fleet did not come up', () => connectFleet(options.dir), {
    timeoutMs: 60_000,
    hopeless,
    tail,
  });
  if (!options.json) console.log(`up: ${(await fleet.describe()).http}   (npm run status; npm run down ends it)\n`);
  await done(fleet, options);
}
