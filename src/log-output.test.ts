import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

/** Writes this many lines of 1 KiB, 4 KiB of which may wait, and one at its end. Reports on stderr how many were dropped. */
const script = (lines: number) => `
  import { createLogOutput } from ${JSON.stringify(new URL('./log-output.ts', import.meta.url).href)};
  const output = createLogOutput(4096);
  process.once('exit', () => {
    output.flushSync();
    console.error(output.dropped());
  });
  for (let line = 0; line < ${lines}; line++) {
    output.write(\`\${line} \`.padEnd(1023, 'x') + '\\n');
    await new Promise((resolve) => setImmediate(resolve));
  }
  output.write('the end\\n');
  process.exit(7);`;

/** @param to what the shell does with the lines @returns the exit code, what was read, and how many were dropped */
async function log(count: number, to: string) {
  const command = `{ "$0" --input-type=module -e "$1"; echo "$?" >&2; } ${to}`;
  const child = spawn('sh', ['-c', command, process.execPath, script(count)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, read] = await Promise.all([text(child.stderr), text(child.stdout)]);
  const [dropped, code, last] = said.trim().split('\n');
  const lines = read.trimEnd().split('\n');
  return { code: Number(code), dropped: Number(dropped), last, read: lines.map((line) => line.replace(/ x*$/, '')) };
}

test('lines leave in order, complete, also those written just before the end', async () => {
  expect(await log(3, '| cat')).toMatchObject({ code: 7, dropped: 0, read: ['0', '1', '2', 'the end'] });
});

test('a pipe that is not read does not stop the process: what does not fit is dropped', async () => {
  const { code, dropped, last } = await log(500, '| { sleep 4; echo "the reader ends" >&2; }');
  expect(last).toBe('the reader ends'); // the writer has ended before
  expect(code).toBe(7);
  expect(dropped).toBeGreaterThan(300); // a pipe of Linux takes 64 KiB
});

test('a closed pipe and a full disk cost the lines alone', async () => {
  expect(await log(20, '| true')).toMatchObject({ code: 7, dropped: expect.any(Number) });
  expect(await log(20, '> /dev/full')).toMatchObject({ code: 7, dropped: 21 });
});
