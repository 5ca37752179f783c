import { type Command, Option } from 'commander';
import { drivers, openFleet } from '../../deploy/fleet/drivers.ts';
import { type Fleet, FleetError, type Part, type ReplicaStatus } from '../../deploy/fleet/fleet.ts';
import { addCommand, addFleetOptions, type FleetOptions, jsonOption, run, wholeNumber } from '../options.ts';
import { printReplicas, renderParts, renderReplicas } from '../replicas.ts';
import { createTerminal, type Terminal } from '../terminal.ts';

const signals = ['SIGKILL', 'SIGTERM', 'SIGINT'];
const targetHelp = 'number or name of a replica, "redis" or "nginx"';

type Verb = 'kill' | 'pause' | 'resume' | 'restart';
type ChangeOptions = FleetOptions & { signal?: NodeJS.Signals };

/** Commands that look at a fleet that is up, or change it. */
export function addFleetCommands(program: Command): void {
  const add = (name: string, description: string, examples: [string, string][]) =>
    addFleetOptions(addCommand(program, 'Fleet:', name, description, examples)).addOption(jsonOption());

  add('down', 'stop the fleet; data and logs are kept', [['down', 'stop the local fleet']]).action(run(down));
  add('status', 'show the replicas, nginx, Redis and Prometheus', [['status --json', 'for scripts']]).action(
    run(status),
  );
  add('scale', 'set the number of replicas', [['scale 5', 'five replicas; nginx follows']])
    .argument('<count>', 'number of replicas', wholeNumber(1, 50))
    .action(run(scale));
  add('kill', 'kill a replica, "redis" or "nginx"; it stays down until it is restarted', [
    ['kill 2', 'SIGKILL to replica 2'],
    ['kill 2 --signal SIGTERM', 'let it drain'],
    ['kill redis', 'start it again with "unsticky restart redis"'],
  ])
    .argument('<target>', targetHelp)
    .addOption(new Option('--signal <signal>', 'signal to send').choices(signals).default('SIGKILL'))
    .action(run((target: string, options: ChangeOptions) => change('kill', target, options)));
  for (const [name, description, example] of [
    ['pause', 'pause a process: its connections stay open and get no answer', 'hang replica 2 (SIGSTOP)'],
    ['resume', 'resume a paused process', 'let replica 2 continue'],
    ['restart', 'drain, start again, and wait until it is ready', 'also starts what was killed'],
  ] as const)
    add(name, description, [[`${name} 2`, example]])
      .argument('<target>', targetHelp)
      .action(run((target: string, options: ChangeOptions) => change(name, target, options)));
  add('roll', 'restart the replicas one after the other', [
    ['roll', 'a rolling restart, without a failed request'],
  ]).action(run(roll));
}

async function down(options: FleetOptions): Promise<void> {
  const terminal = createTerminal(options);
  const fleet = await drivers[options.fleet].find({ dir: options.dir, env: process.env });
  if (!fleet) return terminal.report('no fleet is up');
  await terminal.during('stopping', fleet.down());
  terminal.report('the fleet is down; data and logs are kept');
}

async function status(options: FleetOptions): Promise<void> {
  const terminal = createTerminal(options);
  const fleet = await open(options);
  const [description, replicas, parts] = await Promise.all([fleet.describe(), fleet.replicas(), fleet.parts()]);
  if (options.json) return terminal.print(JSON.stringify({ ...description, replicas, parts }));
  const { driver, store, http, https, prometheus } = description;
  terminal.print(`${driver} fleet, ${store} store: ${[http, https, prometheus].filter(Boolean).join(', ')}\n`);
  terminal.print(`${renderReplicas(replicas)}\n\n${renderParts(parts, terminal.width)}`);
}

async function scale(count: number, options: FleetOptions): Promise<void> {
  const terminal = createTerminal(options);
  const fleet = await open(options);
  await terminal.during('scaling', fleet.scale(count, terminal.report));
  await finish(fleet, options, terminal, 'scaled; watch the shares: unsticky load');
}

async function roll(options: FleetOptions): Promise<void> {
  const terminal = createTerminal(options);
  const fleet = await open(options);
  await terminal.during('rolling', fleet.roll(terminal.report));
  await finish(fleet, options, terminal, 'every replica was restarted');
}

async function change(verb: Verb, target: string, options: ChangeOptions): Promise<void> {
  const terminal = createTerminal(options);
  const fleet = await open(options);
  const { name, argument, work } = await find(fleet, verb, target, options.signal);
  await terminal.during(`${verb} ${name}`, work());
  const undo = options.fleet === 'local' ? argument : `${argument} --fleet ${options.fleet}`;
  const hints = {
    kill: `killed ${name}; start it: unsticky restart ${undo}`,
    pause: `paused ${name}; resume it: unsticky resume ${undo}`,
    resume: `resumed ${name}`,
    restart: `restarted ${name}`,
  };
  await finish(fleet, options, terminal, hints[verb]);
}

/** The replica or part that a command names. @throws {FleetError} if there is none */
async function find(fleet: Fleet, verb: Verb, target: string, signal: NodeJS.Signals | undefined) {
  const parts: Record<string, Part> = { redis: fleet.redis, nginx: fleet.proxy };
  const part = parts[target];
  if (part) {
    const work = () => (verb === 'kill' ? part.kill(signal) : part[verb]());
    return { name: target === 'redis' ? 'Redis' : target, argument: target, work };
  }
  const { number, label } = replicaNamed(await fleet.replicas(), target);
  const work = () => (verb === 'kill' ? fleet.kill(number, signal) : fleet[verb](number));
  return { name: label, argument: String(number), work };
}

function replicaNamed(replicas: ReplicaStatus[], target: string): ReplicaStatus {
  const found = replicas.find(({ number, name, label }) => [String(number), name, label].includes(target));
  if (found) return found;
  const numbers = replicas.map(({ number }) => number).join(', ');
  throw new FleetError(`there is no ${target}: name a replica (${numbers}), redis or nginx`);
}

function open({ fleet, dir }: FleetOptions): Promise<Fleet> {
  return openFleet(fleet, { dir, env: process.env });
}

async function finish(fleet: Fleet, options: FleetOptions, terminal: Terminal, hint: string): Promise<void> {
  await printReplicas(fleet, options, terminal);
  terminal.hint(`\n${hint}`);
}
