import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// `npm run build`: dist/ becomes a package of the session layer alone, as ES modules with types, and as CommonJS (dist/cjs)
// for Jest and others that cannot load ES modules.

const cjs = ['--outDir', 'dist/cjs', '--module', 'commonjs', '--moduleResolution', 'bundler'];
// Checked by the first build already; this one has no import.meta.
const unchecked = ['--noCheck', '--verbatimModuleSyntax', 'false', '--esModuleInterop'];

rmSync('dist', { recursive: true, force: true });
build();
build(...cjs, ...unchecked);
for (const folder of ['dist', 'dist/cjs']) putScriptsInto(`${folder}/redis/scripts.js`);
const named = new Set([...declarationsFrom('dist/index.d.ts'), ...declarationsFrom('dist/cjs/index.d.ts')]);
for (const file of globSync('dist/**/*.d.ts')) if (!named.has(file)) rmSync(file);
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');

const { name, version, description, license } = JSON.parse(readFileSync('package.json', 'utf8'));
const manifest = {
  name,
  version,
  description,
  license,
  type: 'module',
  engines: { node: '>=22' },
  exports: {
    '.': {
      import: { types: './index.d.ts', default: './index.js' },
      require: { types: './cjs/index.d.ts', default: './cjs/index.js' },
    },
  },
  // Express is needed for its types only.
  peerDependencies: { express: '>=4', 'express-session': '>=1.19', redis: '>=5' },
  peerDependenciesMeta: { express: { optional: true } },
};
writeFileSync('dist/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync('src/sessions/README.md', 'dist/README.md');
copyFileSync('LICENSE', 'dist/LICENSE');

function build(...options: string[]): void {
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json', ...options], { stdio: 'inherit' });
}

/** Puts the texts of the Lua scripts in place of what reads their files: in a bundle, as of esbuild, there are none. */
function putScriptsInto(file: string): void {
  const text = (name: string) => JSON.stringify(readFileSync(`src/sessions/redis/lua/${name}.lua`, 'utf8'));
  const code = readFileSync(file, 'utf8')
    .replace(/^function readLua[^}]*}[^}]*}\n/m, '')
    .replaceAll(/^.*(from '|require\(['"])node:.*\n/gm, '')
    .replaceAll(/readLua\('([\w-]+)'\)/g, (_, name: string) => text(name));
  if (/readLua|dirname/.test(code)) throw new Error(`${file} reads files, which a bundle does not have`);
  writeFileSync(file, code);
}

/** The declarations that those of a file lead to: what users of the package can name. */
function declarationsFrom(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, next = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']*)\.ts'/g))
    declarationsFrom(path.join(path.dirname(file), `${next}.d.ts`), found);
  return found;
}
