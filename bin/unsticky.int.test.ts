import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { startServedFleet } from '../test/control-room.ts';
import { startCommand } from '../test/fleet.ts';

const commands =
  'up down status scale kill pause resume restart roll logs demo room survive report compare load attack fuzz bench'.split(
    ' ',
  );

async function run(args: string[], env = process.env) {
  const { exited, out } = startCommand(args, env);
  return { code: await exited, out: out() };
}

test('--help lists every command, and --version is that of the package', async () => {
  const { code, out } = await run(['--help']);
  expect(code).toBe(0);
  expect([...out.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name).toSorted()).toEqual(
    commands.toSorted(),
  );
  expect(await run(['--version'])).toEqual({ code: 0, out: `${packageJson.version}\n` });
});

test.each(commands)('%s --help shows its options and examples of itself', async (command) => {
  const { code, out } = await run([command, '--help']);
  expect(code).toBe(0);
  expect(out).toContain('-q, --quiet');
  expect(out).toMatch(new RegExp(`\nExamples:\n {2}\\$ unsticky ${command}\\b`));
});

test('npx unsticky works in a checkout', () => {
  const out = execFileSync('npx', ['--no-install', 'unsticky', '--version'], { encoding: 'utf8' });
  expect(out).toBe(`${packageJson.version}\n`);
});

test.each([
  ['command', ['statsu'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
  ['option', ['survive', '--user', '5'], /unknown option '--user'\n\(Did you mean --users\?\)/],
  ['plan', ['survive', '--plan', 'kill-replca'], /Did you mean kill-replica\?.*survive --list/],
  ['plan of compare', ['compare', '--plan', 'redis-kil'], /Did you mean redis-kill\?/],
])('a misspelt %s suggests the nearest, without a stack trace', async (_what, args, text) => {
  const { code, out } = await run(args);
  expect(code).toBe(1);
  expect(out).toMatch(text);
  expect(out).not.toMatch(/^ +at /m);
});

test('compare writes its table into a file only if that is named', async () => {
  const { out } = await run(['compare', '--help']);
  expect(out.replaceAll(/\s+/g, ' ')).toMatch(
    /--readme <file> write the table between the markers of this file --json/,
  );
});

test('colour only where it is wanted: none in a pipe and with NO_COLOR', async () => {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const colour = '\u001b[';
  expect((await run(['--help'], env)).out).not.toContain(colour);
  expect((await run(['--help'], { ...env, FORCE_COLOR: '1' })).out).toContain(colour);
  expect((await run(['--help'], { ...env, NO_COLOR: '1' })).out).not.toContain(colour);
});

test('each success says what to do next; --quiet prints results only, --json JSON only', async () => {
  const { dir, end } = await startServedFleet({ settings: {} });
  try {
    const at = ['--dir', dir];
    expect((await run(['kill', '2', ...at])).out).toMatch(/\nkilled replica-2; start it: unsticky restart 2\n$/);
    expect(await run(['restart', '2', '-q', ...at])).toEqual({ code: 0, out: '' });
    const { out } = await run(['status', '--json', ...at]);
    expect(JSON.parse(out)).toMatchObject({ driver: 'local', replicas: [{ number: 1 }, { number: 2 }] });
    const lines = (await run(['logs', 'replica-1', 'redis', '--lines', '2', '--json', ...at])).out.trim().split('\n');
    const byPart = lines.map((line) => JSON.parse(line)).toSorted((a, b) => b.part.localeCompare(a.part));
    expect(byPart).toEqual([
      { part: 'replica-1', line: expect.objectContaining({ level: expect.anything() }) },
      { part: 'replica-1', line: expect.objectContaining({ level: expect.anything() }) },
      { part: 'redis', line: expect.any(String) },
      { part: 'redis', line: expect.any(String) },
    ]);
  } finally {
    await end();
  }
});
