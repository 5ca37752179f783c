import { getServers } from 'node:dns/promises';
import { expect, test } from 'vitest';
import { nameInCompose, serviceAndNumber } from './replica-name.ts';

test.each([
  ['unsticky-app-1.unsticky_front', 'app-1'],
  ['my-own-project-app-12.my-own-project_back', 'app-12'],
  ['unsticky_app_3.unsticky_front', 'app-3'], // COMPOSE_COMPATIBILITY
  ['web-2.shop', 'web-2'],
  ['unsticky_app.1.k2v0y9q1m3x5z7.unsticky_front', undefined], // Swarm runs two of one number during an update
  ['web.shop-1.net', undefined],
])('the container %s is called %s', (container, name) => expect(serviceAndNumber(container)).toBe(name));

test.skipIf(getServers().includes('127.0.0.11'))('outside of Docker there is no such name', async () => {
  expect(await nameInCompose()).toBeUndefined();
});
