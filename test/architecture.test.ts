import path from 'node:path';
import { expect, test } from 'vitest';
import { globalsOf, importsOf, productFiles, productModules, read } from './modules.ts';

/** What the modules of a folder may import from this project; the first matching folder counts. */
const mayImport: [folder: string, targets: string[]][] = [
  ['src/sessions/', ['src/sessions/']],
  ['src/routes/', ['src/routes/', 'src/sessions/', 'src/answered.ts', 'src/context.ts', 'src/errors.ts']],
  ['src/baseline/', ['src/baseline/', 'src/sessions/']],
  ['src/', ['src/', 'web/', 'package.json']],
  ['deploy/fleet/', ['deploy/fleet/']],
  ['deploy/control-room/', ['deploy/control-room/', 'deploy/fleet/', 'web/']],
  ['deploy/', ['deploy/', 'package.json']],
  ['load/checks/', ['load/checks/', 'load/users/', 'web/']],
  ['load/', ['load/', 'web/', 'deploy/fleet/fleet.ts', 'deploy/fleet/wait.ts', 'deploy/control-room/users.ts']],
  ['bin/', ['bin/', 'deploy/', 'load/', 'web/', 'package.json']],
  ['web/', ['web/']],
];

/** Folders with one entrance: from outside only this file of the folder is imported, and only by the named folders. */
const doors: [room: string, door: string, by: string[]][] = [
  ['src/sessions/', 'src/sessions/index.ts', ['src/']],
  ['deploy/fleet/local/', '', ['deploy/fleet/drivers.ts', 'bin/']],
  ['deploy/fleet/compose/', '', ['deploy/fleet/drivers.ts']],
  ['deploy/fleet/swarm/', '', ['deploy/fleet/drivers.ts']],
];

const isWithin = (file: string, starts: string[]) => starts.some((start) => file.startsWith(start));
const ownImports = (file: string) => importsOf(file).filter((target) => /^[\w-]+[/.]/.test(target) && isOwn(target));
const isOwn = (target: string) => productFiles.includes(target) || target === 'package.json';

test.each(productModules)('%s imports what its folder may import', (file) => {
  const [folder, targets] = mayImport.find(([folder]) => file.startsWith(folder)) ?? [];
  expect(folder, `${file} belongs to no folder that has a rule`).toBeDefined();
  expect(ownImports(file).filter((target) => !isWithin(target, targets ?? []))).toEqual([]);
});

test.each(doors)('%s is imported only by its index', (room, door, by) => {
  const outside = productModules.filter((file) => !file.startsWith(room));
  const enters = (file: string) => ownImports(file).filter((target) => target.startsWith(room));
  const wrong = outside.flatMap((file) =>
    enters(file)
      .filter((target) => !isWithin(file, by) || (door !== '' && target !== door))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('no module is part of an import cycle, types included', () => {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  const follow = (file: string, trail: string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') return void cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
    state.set(file, 'open');
    for (const target of ownImports(file)) if (productModules.includes(target)) follow(target, [...trail, file]);
    state.set(file, 'done');
  };
  for (const file of productModules) follow(file, []);
  expect(cycles).toEqual([]);
});

const processNames = ['env', 'on', 'once', 'exit', 'exitCode', 'argv', 'stdin', 'stdout', 'stderr'];

test.each(productModules)('%s does not use the process: only main.ts and commands do', (file) => {
  if (file === 'src/main.ts' || file.startsWith('bin/') || file.includes('/page/')) return;
  const used = globalsOf(file);
  const denied = [...processNames.map((name) => `process.${name}`), 'console'];
  expect(denied.filter((name) => used.has(name))).toEqual([]);
  expect(importsOf(file).filter((target) => /^(node:)?process$/.test(target))).toEqual([]);
});

test.each(productModules.filter((file) => file.startsWith('load/checks/')))('%s is pure', (file) => {
  expect(importsOf(file).filter((target) => !isOwn(target))).toEqual([]);
  const impure = ['process', 'performance', 'fetch', 'setTimeout', 'setInterval', 'console', 'Date.now', 'Math.random'];
  const used = globalsOf(file);
  expect(impure.filter((name) => used.has(name))).toEqual([]);
});

test('no folder has more than 17 product files', () => {
  const counts = Map.groupBy(productFiles, (file) => path.posix.dirname(file));
  const full = [...counts]
    .filter(([, files]) => files.length > 17)
    .map(([folder, { length }]) => `${folder}: ${length}`);
  expect(full).toEqual([]);
});

test('no module of the session layer has more than 200 lines', () => {
  const modules = productFiles.filter((file) => file.startsWith('src/sessions/') && /\.(ts|lua)$/.test(file));
  expect(modules.length).toBeGreaterThan(40);
  expect(modules.filter((file) => read(file).split('\n').length - 1 > 200)).toEqual([]);
});

test("the map in ARCHITECTURE.md names exactly the product's folders", () => {
  const folders = new Set(productFiles.map((file) => path.posix.dirname(file)));
  const [map = ''] = /^## Code map$[\s\S]*?(?=^## )/m.exec(read('ARCHITECTURE.md')) ?? [];
  const named = [...map.matchAll(/^\| \[?`([\w./-]+?)\/?`/gm)].map(([, folder]) => folder as string);
  expect(named.toSorted()).toEqual([...folders].toSorted());
});

test('imports of every form are found', () => {
  const text = `
    import type { A } from './a.ts'; export { b } from "./b.ts"; import './c.ts';
    const d = await import(\`./d.ts\`.slice(0) ? './d.ts' : ''), f = require('./f.ts');
    type G = import('../g.ts').G; new Worker(new URL('./h.ts', import.meta.url)); import fs from 'node:fs';`;
  const literal = text.replace("`./d.ts`.slice(0) ? './d.ts' : ''", "'./d.ts'");
  const names = ['a', 'b', 'c', 'd', 'f', 'h'].map((name) => `load/x/${name}.ts`);
  expect(importsOf('load/x/file.ts', literal).toSorted()).toEqual(['load/g.ts', ...names, 'node:fs'].toSorted());
  expect(() => importsOf('load/x/file.ts', text)).toThrow('not a literal');
  const code = 'const { exit } = process; process.env.X; function f(console, { fetch }) { console.log(fetch) }';
  expect([...globalsOf('x.ts', code)].toSorted()).toEqual(['process', 'process.env', 'process.exit']);
});
