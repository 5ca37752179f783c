import { Argument, type Command } from 'commander';
import { openFleet } from '../../deploy/fleet/drivers.ts';
import { type AttackResult, runAttack } from '../../load/attack/attack.ts';
import { type AttackKind, attackKinds, isFlood } from '../../load/attack/kinds.ts';
import { formatNumber, plural } from '../../web/format.ts';
import { endOfProcess, interrupted } from '../foreground.ts';
import { addCommand, type CommonOptions, dirOption, jsonOption, run, wholeNumber } from '../options.ts';
import { createTerminal, type Terminal } from '../terminal.ts';

interface AttackCommandOptions extends CommonOptions {
  dir: string;
  count?: number;
  seconds: number;
}

const usualCount: Partial<Record<AttackKind, number>> = { logins: 200, newcomers: 1500 };
/** What visitors may notice of an attack. */
const maxP99Ms = 100;

export function addAttack(program: Command): void {
  const command = addCommand(
    program,
    'Measure:',
    'attack',
    'attack the local fleet that is up from one address, and visit it from another',
    [
      ['attack slow-headers', '10,000 connections that send a header a second'],
      ['attack slow-bodies', '10,000 bodies of a byte a second'],
      ['attack slow-readers', '10,000 clients that read no response'],
      ['attack logins', '200 logins a second; limited with NGINX_MODE=production'],
      ['attack newcomers --seconds 90', '1,500 carts a second of visitors who are not logged in, to fill Redis'],
    ],
  );
  // Not containers: to their nginx, all connections of this machine have one address, Docker's.
  command
    .addOption(dirOption())
    .addArgument(new Argument('<kind>', 'what it does').choices(attackKinds))
    .option('--count <n>', 'connections (10,000), logins a second (200), or newcomers (1,500)', wholeNumber(1, 15_000))
    .option('--seconds <n>', 'duration', wholeNumber(1, 600), 20)
    .addOption(jsonOption())
    .action(run(attack));
}

async function attack(kind: AttackKind, options: AttackCommandOptions): Promise<number> {
  const { dir, seconds, json, count = usualCount[kind] ?? 10_000 } = options;
  const terminal = createTerminal(options);
  const ending = endOfProcess();
  const fleet = await openFleet('local', { dir, env: process.env });
  const site = await fleet.describe();
  terminal.report(
    `${kind}: ${formatNumber(count)} ${isFlood(kind) ? 'a second' : 'at once'}, for ${seconds} s; a user from another address`,
  );
  const { progress } = terminal;
  const result = await runAttack({ site, kind, count, seconds, progress, ending });
  if (json) terminal.print(JSON.stringify({ kind, count, ...result }));
  else printResult(result, terminal);
  if (ending.aborted) return interrupted;
  if (!json) printVerdict(result, terminal);
  return isPass(result) ? 0 : 1;
}

const isPass = ({ visitors: { answered, failed, p99 } }: AttackResult) =>
  answered > 0 && failed === 0 && p99 !== null && p99 <= maxP99Ms;

const ms = (value: number | null) => (value === null ? '–' : `${Math.round(value)} ms`);

function printResult(result: AttackResult, { print }: Terminal): void {
  const { begun, peak, statuses } = result.attacker;
  const { answered, failed, p50, p99 } = result.visitors;
  const answers = Object.entries(statuses).map(([status, times]) => `${formatNumber(times)} × ${status}`);
  const held = peak > 0 ? `, at most ${formatNumber(peak)} open at once` : '';
  print(`  attacker  ${formatNumber(begun)} begun${held}; answered: ${answers.join(', ') || 'none'}`);
  print(
    `  visitors  ${formatNumber(answered)} answered, ${formatNumber(failed)} failed; median ${ms(p50)}, p99 ${ms(p99)}`,
  );
}

function printVerdict(result: AttackResult, { print, style }: Terminal): void {
  const { failed, p99 } = result.visitors;
  if (isPass(result)) print(style('green', `\nPASS: every visitor was answered, 99 % of them within ${maxP99Ms} ms.`));
  else if (failed > 0) print(style('red', `\nFAIL: ${plural(failed, 'visitor')} got no answer.`));
  else print(style('red', `\nFAIL: visitors waited too long: p99 ${ms(p99)}; the limit is ${maxP99Ms} ms.`));
}
