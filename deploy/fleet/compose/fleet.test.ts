import { expect, test } from 'vitest';
import { publishedPorts } from './fleet.ts';

test('ports that were asked for are passed to Compose; the usual ones are left to it and to .env', () => {
  expect(publishedPorts({ http: 8080, https: 8443, prometheus: 9090 })).toEqual({});
  expect(publishedPorts({ http: 18080, https: 8443 })).toEqual({ HTTP_PORT: '18080' });
  expect(publishedPorts({ http: 0, https: 1, prometheus: 2 })).toEqual({
    HTTP_PORT: '0',
    HTTPS_PORT: '1',
    PROMETHEUS_PORT: '2',
  });
});
