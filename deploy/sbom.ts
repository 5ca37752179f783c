import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// `npm run sbom`: prints what a replica consists of (CycloneDX), from a lock file without the packages of development. npm 11's
// `sbom --omit dev` itself also leaves out packages that both need.

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, { dev?: boolean; devDependencies?: object }>;
};
delete manifest.devDependencies;
delete lock.packages['']?.devDependencies;
for (const [folder, { dev }] of Object.entries(lock.packages)) if (dev) delete lock.packages[folder];

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-sbom-'));
try {
  writeFileSync(path.join(dir, 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(dir, 'package-lock.json'), JSON.stringify(lock));
  execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], { cwd: dir, stdio: 'inherit' });
} finally {
  rmSync(dir, { recursive: true, force: true });
}
