import { type Command, InvalidArgumentError, Option } from 'commander';
import { drivers } from '../../deploy/fleet/drivers.ts';
import { type Fleet, FleetError } from '../../deploy/fleet/fleet.ts';
import { type CheckedLoad, type LoadStep, runCheckedLoad } from '../../load/run/checked-load.ts';
import { formatNumber, plural } from '../../web/format.ts';
import { endOfProcess, interrupted } from '../foreground.ts';
import { addCommand, addFleetOptions, type FleetOptions, jsonOption, run, stores, wholeNumber } from '../options.ts';
import { renderPlot } from '../plot.ts';
import { createTerminal, renderTable, type Terminal } from '../terminal.ts';

interface LoadOptions extends FleetOptions {
  seconds?: number;
  connections: number;
  path: string;
  store?: string;
  kill?: KillAt;
  restartAll?: number | true;
  restartRedis?: number | true;
}

interface KillAt {
  replica: number;
  /** Undefined: in its turn. */
  at: number | undefined;
}

export function addLoad(program: Command): void {
  const command = addCommand(
    program,
    'Measure:',
    'load',
    'read as fast as the fleet allows, with autocannon, and check whose session each response is; break things meanwhile',
    [
      ['load', '32 users read their profile for 10 s'],
      ['load --kill 2', 'replica 2 is killed meanwhile: does a session die?'],
      ['load --kill 2@5 --restart-all 10 --restart-redis 15', 'at these seconds'],
      ['load --kill 2 --store memory', 'the same with sessions in the memory of each replica'],
      ['load --path /cart --connections 64', '64 users read their cart'],
    ],
  );
  addFleetOptions(command)
    .option('--seconds <n>', 'duration (10, or 20 if something is broken)', wholeNumber(1, 3600))
    .option('--connections <n>', 'number of connections, each with its own user', wholeNumber(1, 1000), 32)
    .option('--path <path>', 'what to read; /profile and /whoami say whose session it is', readPath, '/profile')
    .option('--kill <replica[@second]>', 'kill this replica (SIGKILL); it is started again at the end', readKill)
    .option('--restart-all [second]', 'restart the replicas one after the other', wholeNumber(0, 3600))
    .option('--restart-redis [second]', 'restart Redis: meanwhile 503 is no failure', wholeNumber(0, 3600))
    .addOption(new Option('--store <store>', 'session store, if no fleet is up').choices(stores))
    .addOption(jsonOption())
    .action(run(load));
}

async function load(options: LoadOptions): Promise<number> {
  const terminal = createTerminal(options);
  const ending = endOfProcess();
  const place = { dir: options.dir, env: process.env };
  const up = await drivers[options.fleet].find(place);
  if (up) {
    const { store } = await up.describe();
    if (options.store === undefined || options.store === store) return loadFleet(up, options, terminal, ending);
    throw new FleetError(`the fleet that is up has the ${store} store: stop it with "unsticky down"`);
  }
  terminal.report('No fleet is up: starting one for this run …');
  const { store, fleet } = options;
  const temporary = { replicas: 3, store, env: process.env, breakableNetwork: false };
  const code = await drivers[fleet].withRunFleet(temporary, ending, (started) =>
    loadFleet(started, options, terminal, ending),
  );
  return code ?? interrupted;
}

async function loadFleet(fleet: Fleet, options: LoadOptions, terminal: Terminal, ending: AbortSignal): Promise<number> {
  const { connections, path, json } = options;
  const { driver, store } = await fleet.describe();
  const count = [options.kill, options.restartAll, options.restartRedis].filter((step) => step !== undefined).length;
  const { seconds = count > 0 ? 20 : 10 } = options;
  const steps = await stepsOf(fleet, options, seconds, count);
  terminal.report(`${driver} fleet, ${store} store: GET ${path} on ${connections} connections for ${seconds} s`);
  const { progress } = terminal;
  const result = await runCheckedLoad({ fleet, seconds, connections, path, steps, progress, ending });
  if (json) terminal.print(JSON.stringify({ driver, store, ...result }));
  else printResult(result, terminal);
  if (ending.aborted) return interrupted;
  if (result.dropped > 0)
    throw new FleetError(`the run is void: ${result.dropped} requests were lost on cut connections`);
  return isPass(result) ? 0 : 1;
}

const isPass = ({ failed, wrongUser, sessionsIntact, sessions }: CheckedLoad) =>
  failed === 0 && wrongUser === 0 && sessionsIntact === sessions;

/** In the order of their times; those without one come at even distances. @throws {FleetError} */
async function stepsOf(fleet: Fleet, options: LoadOptions, seconds: number, count: number): Promise<LoadStep[]> {
  const { kill, restartAll, restartRedis } = options;
  let turn = 0;
  const when = (at: number | true | undefined): number => {
    turn += 1;
    const second = typeof at === 'number' ? at : Math.round((seconds * turn) / (count + 1));
    if (second < seconds) return second;
    throw new FleetError(`second ${second} is not within the ${seconds} s of this run`);
  };
  const steps: LoadStep[] = [];
  if (kill) {
    const replica = (await fleet.replicas()).find(({ number }) => number === kill.replica);
    if (!replica) throw new FleetError(`there is no replica ${kill.replica}`);
    steps.push({
      about: `${replica.label} is killed`,
      at: when(kill.at),
      stopsRedis: false,
      apply: (up) => up.kill(kill.replica, 'SIGKILL'),
      heal: (up) => startAgain(up, kill.replica),
    });
  }
  if (restartAll !== undefined) {
    const at = when(restartAll);
    steps.push({ about: 'each replica is restarted', at, stopsRedis: false, apply: (up) => up.roll() });
  }
  if (restartRedis !== undefined) {
    const at = when(restartRedis);
    steps.push({ about: 'Redis is restarted', at, stopsRedis: true, apply: (up) => up.redis.restart() });
  }
  return steps.sort((a, b) => a.at - b.at);
}

/** Unless another step has done so. */
async function startAgain(fleet: Fleet, number: number): Promise<void> {
  const replica = (await fleet.replicas()).find((one) => one.number === number);
  if (replica?.state === 'down') await fleet.restart(number);
}

function printResult(result: CheckedLoad, { print, style, hint, width }: Terminal): void {
  const { answered, failed, excused, wrongUser, loggedOut, sessions, sessionsIntact, latencyMs, perSecond } = result;
  const { p50, p90, p99, max } = latencyMs;
  const seconds = Math.max(1, perSecond.length);
  const bad = (count: number, text: string) => (count > 0 ? style('red', text) : text);
  const also = excused > 0 ? `, plus ${formatNumber(excused)} excused (503 while Redis was restarted)` : '';
  const marks = result.events.map(({ second, about }) => ({ at: second, name: about }));
  print(`\nrequests per second\n${renderPlot(perSecond, marks, width)}\n`);
  const lines: [string, string][] = [
    [
      'requests',
      `${formatNumber(answered)}, ${formatNumber(Math.round(answered / seconds))} per second: ${bad(failed, `${formatNumber(failed)} failed`)}${also}`,
    ],
    ['latency', `p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, max ${max} ms`],
    ['sessions', `${bad(sessions - sessionsIntact, `${sessionsIntact} of ${sessions} intact`)}`],
    [
      'responses',
      `${bad(wrongUser, `${formatNumber(wrongUser)} for the wrong user`)}, ${bad(loggedOut, `${formatNumber(loggedOut)} as logged out`)}`,
    ],
  ];
  print(lines.map(([name, text]) => `${name.padEnd(10)} ${text}`).join('\n'));
  print(`\n${renderShares(result)}\n`);
  const lost = sessions - sessionsIntact;
  if (isPass(result))
    print(`${style('green', 'PASS')}: every session was intact, in each of ${formatNumber(answered)} responses.`);
  else print(`${style('red', 'FAIL')}: ${plural(lost, 'session')} lost, ${plural(failed, 'request')} failed.`);
  if (marks.length === 0) hint('Does a session survive a crash? unsticky load --kill 2');
  else hint('The strict proof, with writes and a full history: unsticky survive');
}

function renderShares({ shares, events }: CheckedLoad): string {
  const names = [...new Set([...Object.keys(shares.before), ...Object.keys(shares.after)])].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const columns =
    events.length > 0
      ? ([
          ['before', shares.before],
          ['after', shares.after],
        ] as const)
      : ([['share', shares.before]] as const);
  const shareOf = (share: Record<string, number>, name: string) => {
    const total = Object.values(share).reduce((sum, count) => sum + count, 0);
    return total === 0 ? '-' : `${((100 * (share[name] ?? 0)) / total).toFixed(1)} %`;
  };
  const rows = names.map((name) => [name, ...columns.map(([, share]) => shareOf(share, name))]);
  return renderTable(['replica', ...columns.map(([title]) => title)], rows);
}

function readPath(text: string): string {
  if (text.startsWith('/')) return text;
  throw new InvalidArgumentError('It must start with a slash.');
}

function readKill(text: string): KillAt {
  const [, replica, at] = /^(\d+)(?:@(\d+))?$/.exec(text) ?? [];
  if (replica === undefined) throw new InvalidArgumentError('It must be the number of a replica, or 2@5 for second 5.');
  return { replica: Number(replica), at: at === undefined ? undefined : Number(at) };
}
