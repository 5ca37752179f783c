import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { runFuzz } from '../../load/fuzz/fuzz.ts';
import { silent } from '../../load/run/progress.ts';
import { startCommand } from '../../test/fleet.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

test('6,000 malformed and hostile requests: no failure, no hang, no restart, no data of others', async () => {
  const { exited, out } = startCommand(['fuzz', '--requests', '6000', '--json', '--quiet']);
  expect(await exited, out()).toBe(0);
  const { requests, looks, found, statuses, memoryMiB } = JSON.parse(out());
  expect({ requests, found }).toEqual({ requests: 6000, found: 0 });
  expect(looks).toBeGreaterThan(50);
  for (const status of ['200', '201', '400', '404', '405', '413', '415'])
    expect(Number(statuses[status]), `${status} of ${JSON.stringify(statuses)}`).toBeGreaterThan(0);
  expect(Object.values(memoryMiB)).toHaveLength(2);
});

/** A site that has a fault. */
async function startSite(listener: RequestListener): Promise<Fleet> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const replicas = [{ number: 1, name: 'replica-1', runsAs: '-', state: 'ready', http }];
  return { describe: async () => ({ http }), replicas: async () => replicas } as unknown as Fleet;
}

const fuzz = async (fleet: Fleet, requests = 300) => {
  const ending = new AbortController().signal;
  const { findings } = await runFuzz({ fleet, requests, seed: 1, progress: silent, ending });
  return findings.map(({ what }) => what);
};

test('it finds what must not be: a failure, a hang, a stack trace, another user’s data', async () => {
  let victim = '';
  const site = (fault: RequestListener) =>
    startSite((req, res) => {
      if (req.method === 'POST' && req.headers.cookie === undefined && victim === '') {
        req.once('data', (body) => {
          victim = JSON.parse(String(body)).name;
          res.setHeader('Set-Cookie', `sid=s%3A${'a'.repeat(43)}.${'b'.repeat(43)}; Path=/`).end('{}');
        });
      } else if (
        req.headers.cookie?.includes(`s%3A${'a'.repeat(43)}.`) ||
        req.headers.cookie?.includes(`s:${'a'.repeat(43)}.${'b'.repeat(43)}`)
      ) {
        res.statusCode = req.method === 'POST' ? 201 : 200;
        res.end('{}');
      } else fault(req, res);
    });
  const faults: [RequestListener, RegExp][] = [
    [(_req, res) => void res.writeHead(500).end(), /answered 500/],
    [(req, res) => void (req.url === '/cart' || res.end()), /no answer in 2 s/],
    [(_req, res) => void res.writeHead(400).end('Error\n    at Object.read (file.js:1:1)'), /stack trace/],
    [(_req, res) => void res.end(`{"user":"${victim}"}`), /data of another user/],
  ];
  for (const [fault, finding] of faults) {
    victim = '';
    expect((await fuzz(await site(fault))).join()).toMatch(finding);
  }
});

test('it finds what it did to others: a user who was logged in is no longer', async () => {
  let looks = 0;
  const fleet = await startSite((req, res) => {
    req.resume();
    if (req.url === '/login') res.setHeader('Set-Cookie', `sid=s%3A${'a'.repeat(43)}.b; Path=/`).end('{}');
    else if (req.url === '/cart/items') res.writeHead(201).end('{}');
    else res.end(req.headers.cookie && req.url === '/profile' && looks++ > 3 ? '{"user":null}' : '{}');
  });
  expect((await fuzz(fleet, 600)).join()).toMatch(/a user who was logged in got another \/profile: 200/);
});
