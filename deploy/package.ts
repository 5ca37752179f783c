import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';

// The last step of `npm run build`: dist/ becomes a package that exports only the session layer, with a README of its own.
const { name, version, description, license, engines } = JSON.parse(readFileSync('package.json', 'utf8'));

/** The oldest supported versions; express-session 1.19 has cookie options per request. */
const peerDependencies = { 'connect-redis': '>=10', express: '>=5', 'express-session': '>=1.19', redis: '>=6' };

const exported = { types: './index.d.ts', default: './index.js' };
const manifest = {
  name,
  version,
  description,
  license,
  type: 'module',
  engines,
  exports: { '.': exported },
  peerDependencies,
};
writeFileSync('dist/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync('src/sessions/README.md', 'dist/README.md');
copyFileSync('LICENSE', 'dist/LICENSE');
