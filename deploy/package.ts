import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';

// The last step of `npm run build`: dist/ becomes a package whose exports are the session layer alone.
const { name, version, description, license, engines } = JSON.parse(readFileSync('package.json', 'utf8'));

/** The oldest versions that the layer was written against; express-session 1.19 has cookie options by request. */
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
for (const file of ['README.md', 'LICENSE']) copyFileSync(file, `dist/${file}`);
