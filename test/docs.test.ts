import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { accessLogCheck, checks } from '../load/checks/catalogue.ts';
import { planNames } from '../load/run/plans.ts';
import { settings } from '../src/config.ts';
import { productFiles, read } from './modules.ts';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'docs/guarantees.md',
  'docs/operating.md',
  'docs/proof.md',
  'docs/scaling-out.md',
  'docs/api.md',
  'src/sessions/README.md',
];

const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
const commandFiles = productFiles.filter((file) => /^bin\/commands\/[\w-]+\.ts$/.test(file));
const commands = new Set(
  commandFiles.flatMap((file) => [...read(file).matchAll(/'([a-z]+)'/g)].map(([, name]) => name)),
);

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

test.each(documents)('the links of %s resolve', (document) => {
  const broken = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^https?:/.test(link)) return [];
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? document : path.posix.join(path.posix.dirname(document), file);
    if (!existsSync(target)) return [link];
    const headings = anchor === undefined ? [] : [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text);
    return anchor === undefined || headings.map(anchorOf).includes(anchor) ? [] : [link];
  });
  expect(broken).toEqual([]);
});

test.each(documents)('the commands in %s exist', (document) => {
  const text = read(document);
  const npm = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(npm.filter((name) => !scripts.includes(name))).toEqual([]);
  const own = [...text.matchAll(/(?:npx |`)unsticky ([a-z]+)/g)].map(([, name = '']) => name);
  expect(own.filter((name) => !commands.has(name))).toEqual([]);
});

test('the README has at most 130 lines', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(131);
});

test('docs/operating.md has exactly the settings of a replica', () => {
  const variables = Object.values(settings).map(([variable]) => variable);
  const [section = ''] = /## Settings of a replica[\s\S]*?\n\n(?=Of a fleet)/.exec(read('docs/operating.md')) ?? [];
  const documented = section.split('\n').flatMap((line) => {
    const [, names = ''] = /^\| (`.*?) \|/.exec(line) ?? [];
    return [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name);
  });
  expect(documented.toSorted()).toEqual(variables.toSorted());
});

test('docs/operating.md has every alert and every metric of the app', () => {
  const alerts = [...read('deploy/prometheus/rules.yml').matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
  const metrics = ['http-metrics', 'session-metrics', 'metrics'].flatMap((file) =>
    [...read(`src/metrics/${file}.ts`).matchAll(/name: '([a-z_]+)'/g)].map(([, name = '']) => name),
  );
  expect([alerts.length > 4, metrics.length > 8]).toEqual([true, true]);
  const text = read('docs/operating.md');
  expect([...alerts, ...metrics].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('docs/proof.md has every plan and every check', () => {
  const text = read('docs/proof.md');
  expect(planNames.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  const rows = [...checks, accessLogCheck].map(({ name, holds, about }) => `| \`${name}\` | ${holds} | ${about} |`);
  const [, table = ''] = /<!-- checks -->\n([\s\S]*?)\n<!-- \/checks -->/.exec(text) ?? [];
  const squeezed = table
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
  expect(squeezed.slice(2)).toEqual(rows);
});

test('each test that SECURITY.md names exists', () => {
  const names = [...read('SECURITY.md').matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !existsSync(path.resolve(name)))).toEqual([]);
});
