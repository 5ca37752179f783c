import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { createContext } from './context.ts';
import { createLifecycle } from './lifecycle.ts';
import { createLogger } from './logger.ts';
import { createSessionLayer } from './session-layer.ts';

const config = readConfig({ SESSION_STORE: 'memory', LOG_LEVEL: 'silent' });

test('a given part replaces the one from the config', () => {
  const lifecycle = createLifecycle();
  const sessions = {
    ...createSessionLayer(config, undefined, undefined, createLogger(config, { write() {} })),
    describe: () => null,
  };
  const context = createContext(config, { lifecycle, sessions });
  expect(context.lifecycle).toBe(lifecycle);
  expect(context.sessions).toBe(sessions);
  expect(createContext(config).sessions).not.toBe(sessions);
});

test('a part can be left out', () => {
  expect(createContext(config).metrics).toBeDefined();
  expect(createContext(config, { metrics: undefined }).metrics).toBeUndefined();
});
