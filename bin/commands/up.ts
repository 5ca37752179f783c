import { spawn } from 'node:child_process';
import { chmodSync, closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { drivers, type StartedFleet } from '../../deploy/fleet/drivers.ts';
import { FleetError, type RedisTopology } from '../../deploy/fleet/fleet.ts';
import { lastLines } from '../../deploy/fleet/logs.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';
import { aborted, endOfProcess } from '../foreground.ts';
import {
  addCommand,
  addFleetOptions,
  type FleetOptions,
  jsonOption,
  portOption,
  redisOption,
  run,
  stores,
  wholeNumber,
} from '../options.ts';
import { printReplicas } from '../replicas.ts';
import { createTerminal, type Terminal } from '../terminal.ts';

interface UpOptions extends FleetOptions {
  replicas: number;
  store: string;
  redis: RedisTopology;
  http: number;
  https: number;
  prometheus: number;
  detach?: boolean;
}

export function addUp(program: Command): void {
  const command = addCommand(program, 'Fleet:', 'up', 'start a fleet; Ctrl-C stops it', [
    ['up -n 5', 'five replicas in the foreground'],
    ['up --detach', 'in the background; stop it with "unsticky down"'],
    ['up --fleet compose', 'containers, with Docker Compose'],
    ['up --fleet swarm', 'on several machines (docs/scaling-out.md)'],
  ]);
  addFleetOptions(command)
    .option('-n, --replicas <n>', 'number of replicas', wholeNumber(1, 50), 3)
    .addOption(new Option('--store <store>', 'session store').choices(stores).default('durable'))
    .addOption(redisOption())
    .addOption(portOption('--http <port>', 'HTTP port on 127.0.0.1; 0 picks a free one', 'HTTP_PORT', 8080))
    .addOption(portOption('--https <port>', 'HTTPS port', 'HTTPS_PORT', 8443))
    .addOption(portOption('--prometheus <port>', 'Prometheus port', 'PROMETHEUS_PORT', 9090))
    .option('-d, --detach', 'run in the background')
    .addOption(jsonOption())
    .action(run(up));
}

async function up(options: UpOptions): Promise<void> {
  const terminal = createTerminal(options);
  const driver = drivers[options.fleet];
  if (driver.isForeground && (await driver.find({ dir: options.dir, env: process.env })))
    throw new FleetError('a fleet is already up: stop it with "unsticky down"');
  if (driver.isForeground && options.detach) return detach(options, terminal);
  const ending = endOfProcess();
  const { env } = process;
  const starting = driver.start({ ...options, tlsDir: env.TLS_DIR, env, report: terminal.report });
  const started = await terminal.during('starting', withEnding(starting, ending));
  if (!started) return;
  const { fleet, ended } = started;
  const description = await fleet.describe();
  if (options.json) terminal.print(JSON.stringify({ ...description, replicas: await fleet.replicas() }));
  else if (!ended) await printReplicas(fleet, options, terminal);
  terminal.report(`\nready: ${description.http}`);
  if (!ended) {
    terminal.hint(`next: unsticky status --fleet ${options.fleet}; stop it: unsticky down --fleet ${options.fleet}`);
    return;
  }
  terminal.hint('Ctrl-C stops it; from another terminal: unsticky status, unsticky kill 2');
  await Promise.race([aborted(ending), ended]);
  await fleet.down();
  terminal.report('stopped');
}

/** Waits for a start; stops the fleet again if `ending` aborts before it is up. @returns undefined then */
export async function withEnding(
  starting: Promise<StartedFleet>,
  ending: AbortSignal,
): Promise<StartedFleet | undefined> {
  const started = await Promise.race([starting, aborted(ending)]);
  if (started) return started;
  await starting.then(({ fleet, ended }) => ended && fleet.down()).catch(() => {});
  return undefined;
}

/** Starts `up` again without the terminal, and waits until that fleet answers. */
async function detach(options: UpOptions, terminal: Terminal): Promise<void> {
  const { dir } = options;
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '-d');
  const logFile = path.join(dir, 'logs', 'up.log');
  mkdirSync(path.dirname(logFile), { recursive: true });
  chmodSync(dir, 0o700);
  const log = openSync(logFile, 'a');
  const { size: start } = fstatSync(log); // earlier lines are of earlier starts
  const env = { ...process.env, UNSTICKY_DETACHED: '1' };
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  child.unref();
  const find = () => drivers[options.fleet].find({ dir, env: process.env });
  const waiting = waitFor('the fleet did not come up', find, {
    timeoutMs: 60_000,
    hopeless: () => (child.exitCode !== null ? 'it exited' : undefined),
    tail: () => lastLines(logFile, 10, start),
  });
  const fleet = await terminal.during('starting', waiting);
  terminal.report(`up: ${(await fleet.describe()).http}\n`);
  await printReplicas(fleet, options, terminal);
  terminal.hint('\nnext: unsticky room, unsticky kill 2, unsticky load; stop it: unsticky down');
}
