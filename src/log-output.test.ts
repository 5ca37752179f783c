import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
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

test('a line of which a part is written and the rest dropped does not spoil the next one', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-log-'));
  // A pipe takes lines of over 4 KiB in parts. Nothing reads it until the rest is dropped; then one line more.
  const script = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { createLogOutput } from ${JSON.stringify(new URL('./log-output.ts', import.meta.url).href)};
    const output = createLogOutput();
    for (let line = 0; line < 20; line++) output.write('x'.repeat(9999) + '\\n');
    output.flushSync();
    output.write('next\\n');
    writeFileSync('full', '');
    const end = Date.now() + 3000;
    setInterval(() => {
      if (existsSync('read') || Date.now() > end) process.exit();
    }, 20);`;
  const reader =
    'until [ -e full ]; do sleep 0.05; done; while read -r line; do echo "$line"; [ "$line" != next ] || : > read; done';
  const command = `"$0" --input-type=module -e "$1" | { ${reader}; }`;
  const child = spawn('sh', ['-c', command, process.execPath, script], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = (await text(child.stdout)).trimEnd().split('\n');
  rmSync(dir, { recursive: true });
  expect(lines.at(-2)).toMatch(/^x{1,9998}$/); // the torn one
  expect(lines.at(-1)).toBe('next');
});
