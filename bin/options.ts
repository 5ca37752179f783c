import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DriverName, drivers } from '../deploy/fleet/drivers.ts';
import { defaultDir } from '../deploy/fleet/local/files.ts';
import { planNames } from '../load/run/plans.ts';
import { drawSeed, maxSeed } from '../load/users/random.ts';
import { printError } from './foreground.ts';

export const stores = ['durable', 'plain', 'memory'];

/** Options of every command. */
export interface CommonOptions {
  quiet?: boolean;
  json?: boolean;
}

/** Which fleet a command works on. */
export interface FleetOptions extends CommonOptions {
  fleet: DriverName;
  dir: string;
}

/** Adds a command with `--quiet` and its examples. @param examples pairs of a command and what it does */
export function addCommand(
  program: Command,
  group: string,
  name: string,
  description: string,
  examples: [command: string, about: string][],
): Command {
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, about]) => `  $ unsticky ${command.padEnd(width)}  ${about}`);
  return program
    .command(name)
    .helpGroup(group)
    .description(description)
    .option('-q, --quiet', 'print results and errors only')
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export function addFleetOptions(command: Command): Command {
  return command
    .addOption(new Option('--fleet <driver>', 'fleet driver').choices(Object.keys(drivers)).default('local'))
    .addOption(dirOption());
}

export const dirOption = () => pathOption('--dir <folder>', 'folder of a local fleet', defaultDir, '.unsticky/local');

/** An option for a path; the default is shown as it is written here. */
export function pathOption(flags: string, description: string, fallback: string, shown = fallback): Option {
  return new Option(flags, description).argParser(absolutePath).default(absolutePath(fallback), shown);
}

export const seedOption = () =>
  new Option('--seed <n>', 'repeat the choices of a run')
    .argParser(wholeNumber(0, maxSeed))
    .default(drawSeed(), 'random');

export const redisOption = () =>
  new Option(
    '--redis <topology>',
    'one server; sentinel: a primary, two replicas, three sentinels; or a cluster of 3 + 3 (local)',
  )
    .choices(['single', 'sentinel', 'cluster'])
    .default('single');

export const jsonOption = () => new Option('--json', 'print JSON');

/** A plan by its name; a wrong one suggests the nearest. */
export function planOption(fallback: string): Option {
  return new Option('--plan <plan>', 'what to break (see survive --list)').argParser(readPlan).default(fallback);
}

function readPlan(text: string): string {
  if ((planNames as string[]).includes(text)) return text;
  const nearest = nearestOf(text, planNames);
  const hint = nearest ? ` Did you mean ${nearest}?` : '';
  throw new InvalidArgumentError(`There is no such plan.${hint} "unsticky survive --list" shows all plans.`);
}

/** The most similar word, unless it differs in more than 40 % of its letters. */
export function nearestOf(text: string, words: readonly string[]): string | undefined {
  const ranked = words.map((word) => ({ word, distance: distance(text, word) }));
  const [best] = ranked.sort((a, b) => a.distance - b.distance);
  return best && best.distance <= 0.4 * Math.max(text.length, best.word.length) ? best.word : undefined;
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, change));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Reads an option that is a whole number. */
export const wholeNumber = numberOf('a whole number', /^\d+$/);
export const decimalNumber = numberOf('a number', /^\d+(\.\d+)?$/);

function numberOf(kind: string, pattern: RegExp) {
  return (min: number, max: number) =>
    (text: string): number => {
      const number = Number(text);
      if (pattern.test(text) && number >= min && number <= max) return number;
      throw new InvalidArgumentError(`It must be ${kind} from ${min} to ${max}.`);
    };
}

export const port = wholeNumber(0, 65535);

/** A port that an environment variable sets too, as docker-compose.yml reads it. */
export function portOption(flags: string, description: string, variable: string, fallback: number): Option {
  return new Option(flags, description).argParser(port).env(variable).default(fallback);
}

/** Reads an option that is a path. */
export function absolutePath(text: string): string {
  return path.resolve(text);
}

/** Makes an action set the exit code: the number it resolves to, or 0. An error is printed and exits with `failure`. */
export function run<Args extends unknown[]>(action: (...args: Args) => Promise<unknown>, failure = 1) {
  return async (...args: unknown[]) => {
    // commander passes the command itself last.
    process.exitCode = await action(...(args.slice(0, -1) as Args)).then(
      (code) => (typeof code === 'number' ? code : 0),
      (err) => {
        printError(err);
        return failure;
      },
    );
  };
}
