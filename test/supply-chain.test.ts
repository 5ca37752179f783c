import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { read } from './modules.ts';

// What others' code comes with this project, and on which terms.

interface LockedPackage {
  version?: string;
  license?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
}

const manifest = JSON.parse(read('package.json'));
const locked = Object.entries(JSON.parse(read('package-lock.json')).packages as Record<string, LockedPackage>)
  .filter(([folder]) => folder !== '')
  .map(([folder, found]) => ({ name: folder.replace(/^.*node_modules\//, ''), ...found }));

/** Those of the programs that are given to others ask for no more than their notice. */
const permissive = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'];
/** Of tools alone: lightningcss, axe-core (MPL-2.0, used unchanged), pako (Zlib). */
const ofTools = [...permissive, 'MIT OR Apache-2.0', 'MPL-2.0', '(MIT AND Zlib)'];

test('CONTRIBUTING.md has a reason for each package that this project names, and for no other', () => {
  const [, table = ''] = /## Dependencies[\s\S]*?\n\n(\|[\s\S]*?)\n\n/.exec(`${read('CONTRIBUTING.md')}\n`) ?? [];
  const rows = table.split('\n').slice(2);
  const described = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  const named = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(described.toSorted()).toEqual(named.toSorted());
  for (const row of rows) expect(row.split('|')[2]?.trim(), row).toMatch(/^.{10,}/);
});

test('versions are exact, and what is installed is what was locked', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  // Packages for other systems than the one that wrote the lock file have no hash there.
  expect(locked.filter(({ integrity, optional }) => !integrity && !optional).map(({ name }) => name)).toEqual([]);
});

test('each package has a licence that this project may use', () => {
  const refused = locked.filter(({ dev, license = 'none' }) => !(dev ? ofTools : permissive).includes(license));
  expect(refused.map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
});

test('no package runs a script when it is installed but those that package.json allows', () => {
  const scripted = locked.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name);
  expect(scripted).toEqual(Object.keys(manifest.allowScripts));
});

test('npm run sbom lists what a replica consists of', () => {
  const text = execFileSync('npm', ['run', '--silent', 'sbom'], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  const { bomFormat, components } = JSON.parse(text) as {
    bomFormat: string;
    components: { name: string; version: string; licenses?: unknown[] }[];
  };
  expect(bomFormat).toBe('CycloneDX');
  const listed = components.map(({ name, version }) => `${name}@${version}`);
  const ofReplica = locked.filter(({ dev }) => !dev);
  expect(listed.toSorted()).toEqual(ofReplica.map(({ name, version }) => `${name}@${version}`).toSorted());
  expect(components.filter(({ licenses }) => !licenses?.length)).toEqual([]);
});
