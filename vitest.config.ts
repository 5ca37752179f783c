import './bin/compile-cache.ts';
import './bin/loopback.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

const elsewhere = ['**/node_modules/**', '.unsticky/**', 'dist/**'];

/** What tests write outside of the project, and what they leave there. */
const temporary = mkdtempSync(path.join(os.tmpdir(), 'unsticky-tests-'));
process.env.TMPDIR = temporary;
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));

const swarm = 'deploy/swarm.docker.test.ts';
const servers = { exclude: elsewhere, testTimeout: 60_000, hookTimeout: 60_000 };
const docker = { testTimeout: 300_000, hookTimeout: 600_000 };

export default defineConfig({
  test: {
    projects: [
      // Needs nothing but Node. Files share the modules that are loaded: no test changes one.
      {
        test: {
          name: 'unit',
          isolate: false,
          maxWorkers: 4,
          include: ['**/*.test.ts'],
          exclude: [...['int', 'run', 'browser', 'docker'].map((kind) => `**/*.${kind}.test.ts`), ...elsewhere],
        },
      },
      // Starts real servers on 127.0.0.1. Tests mostly wait, so four files run at once, also on two processors.
      {
        test: {
          name: 'int',
          include: ['**/*.int.test.ts'],
          ...servers,
          maxWorkers: 4,
          maxConcurrency: 2,
        },
      },
      // Runs commands that put fleets under load, with faults that they must find.
      {
        test: {
          name: 'runs',
          include: ['**/*.run.test.ts'],
          ...servers,
          maxWorkers: 3,
          maxConcurrency: 2,
        },
      },
      // Starts real servers too, and looks at their pages with the Chromium that is on the PATH; without one they are skipped.
      {
        test: {
          name: 'browser',
          include: ['**/*.browser.test.ts'],
          ...servers,
          maxWorkers: 2,
        },
      },
      // Runs packages that are used together with sessions: `npm run test:compat` installs them.
      {
        test: {
          name: 'compat',
          include: ['test/compat/*.compat.test.js'],
          testTimeout: 30_000,
          fileParallelism: false,
        },
      },
      // What kubectl makes of deploy/kubernetes, and its containers: `npm run test:kubernetes` installs kubectl. Needs a Docker engine.
      {
        test: {
          name: 'kubernetes',
          include: ['test/kubernetes/*.kubernetes.test.js'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      // Needs a Docker engine. Two files at once: containers mostly wait.
      {
        test: {
          name: 'containers',
          include: ['**/*.docker.test.ts'],
          exclude: [...elsewhere, swarm],
          ...docker,
          maxWorkers: 2,
        },
      },
      // Starts three engines, each with containers, so it runs alone, after the others.
      { test: { name: 'swarm', include: [swarm], ...docker, sequence: { groupOrder: 1 } } },
    ],
  },
});
