import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

// What each folder may import of this project (DESIGN §3): paths that its imports may start with.
const rules: [folder: string, mayImport: string[]][] = [
  ['src/sessions', ['src/sessions/']],
  ['src', ['src/', 'package.json']],
  ['deploy', ['deploy/']],
  ['load', ['load/', 'deploy/fleet/fleet.ts', 'deploy/room/visitors.ts']],
];

/** The commands of load, and the fleets of their own, pick a driver, so they may import all of deploy. */
const commands = ['survive', 'compare', 'demo', 'load', 'room', 'bench'].map((name) => `load/${name}.ts`);
const picking = [...commands, 'load/own-fleet.ts', 'load/bench/servers.ts'];

const files = globSync('{src,deploy,load}/**/*.ts').filter((file) => !file.endsWith('.test.ts'));

/** Every import of another file of this project, as a path from its root. */
function importsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
  return [...found].map(([, target]) => path.posix.join(path.posix.dirname(file), target as string));
}

test.each(files)('%s imports what its folder may import', (file) => {
  const [folder, mayImport] = rules.find(([folder]) => file.startsWith(`${folder}/`)) as [string, string[]];
  const allowed = picking.includes(file) ? [...mayImport, 'deploy/fleet/', 'deploy/room/'] : mayImport;
  for (const target of importsOf(file)) {
    expect(
      allowed.some((start) => target.startsWith(start)),
      `${file} (${folder}) imports ${target}`,
    ).toBe(true);
  }
});

test.each(files)('%s leaves the process to main.ts and to commands', (file) => {
  const mayUse = [
    'src/main.ts',
    'src/planted.ts',
    'src/testing.ts',
    'deploy/fleet/cli.ts',
    'deploy/fleet/command.ts',
    'deploy/fleet/compose-links.ts', // has a line of JavaScript for a container
    'deploy/fleet/docker.ts', // passes its own environment on to Docker
    'deploy/fleet/testing.ts',
    'deploy/room/testing.ts',
    ...commands,
  ];
  if (mayUse.includes(file)) return;
  expect(readFileSync(file, 'utf8')).not.toMatch(/process\.(on|once|exit|env)\b|process\.exitCode/);
});

test('the imports are found', () => {
  expect(importsOf('src/main.ts')).toContain('src/config.ts');
  expect(importsOf('load/run.ts')).toContain('deploy/fleet/fleet.ts');
});
