import { fileURLToPath } from 'node:url';

/** A set-up whose sessions are compared. */
export interface Candidate {
  name: string;
  about: string;
  /** The program, one of the peers; without one it is a replica of this application. */
  peer?: string;
  settings: Record<string, string>;
  /** Where its sessions are; without any, each response is the same. */
  sessions?: 'redis' | 'cookie';
}

/** The folder of the peers' programs, with packages of its own. */
export const peersDir = fileURLToPath(new URL('./peers', import.meta.url));

const withExpress = (session: string) => ({ peer: 'express.js', settings: { SESSION: session } });
const fastify = (rolling: string) => ({
  peer: 'fastify.js',
  settings: { ROLLING: rolling },
  sessions: 'redis' as const,
});
const replica = (store: string) => ({ settings: { SESSION_STORE: store }, sessions: 'redis' as const });

export const candidates: Candidate[] = [
  { name: 'http', about: "Node's own server, no session", peer: 'http.js', settings: {} },
  { name: 'express', about: 'Express, no session', ...withExpress('none') },
  {
    name: 'article',
    about: 'Express, express-session, connect-redis: the set-up of tutorials',
    ...withExpress('express-session'),
    sessions: 'redis',
  },
  { name: 'layer', about: 'the session layer in the same application', ...withExpress('layer'), sessions: 'redis' },
  { name: 'app-plain', about: 'this application, plain store', ...replica('plain') },
  { name: 'app-durable', about: 'this application, durable store', ...replica('durable') },
  { name: 'fastify', about: 'Fastify, @fastify/session, connect-redis', ...fastify('true') },
  { name: 'fastify-still', about: 'the same with rolling: false: reads extend no session', ...fastify('false') },
  {
    name: 'cookie-session',
    about: 'Express, cookie-session: no server keeps the session',
    ...withExpress('cookie-session'),
    sessions: 'cookie',
  },
];

/** A goal: a figure of one candidate relative to that of another, in each round. */
export interface Goal {
  text: string;
  work: 'reads' | 'writes';
  figure: 'perSecond' | 'cpuMicros';
  of: string;
  than: string;
  /** Their ratio, or with `difference` how much more it is. */
  difference?: true;
  atLeast?: number;
  atMost?: number;
}

const layer = { of: 'layer', than: 'article' };
const durable = { of: 'app-durable', than: 'article' };

export const goals: Goal[] = [
  { text: 'the layer: reads per second', work: 'reads', figure: 'perSecond', ...layer, atLeast: 1.8 },
  { text: 'the layer: writes per second', work: 'writes', figure: 'perSecond', ...layer, atLeast: 1.5 },
  { text: 'the layer: CPU of a read', work: 'reads', figure: 'cpuMicros', ...layer, atMost: 0.5 },
  { text: 'the layer: CPU of a write', work: 'writes', figure: 'cpuMicros', ...layer, atMost: 0.6 },
  {
    text: 'the layer: reads per second',
    work: 'reads',
    figure: 'perSecond',
    of: 'layer',
    than: 'fastify',
    atLeast: 1.25,
  },
  { text: 'this application: reads per second', work: 'reads', figure: 'perSecond', ...durable, atLeast: 1.4 },
  { text: 'this application: writes per second', work: 'writes', figure: 'perSecond', ...durable, atLeast: 1.1 },
  {
    text: 'this application around the layer: µs of CPU',
    work: 'reads',
    figure: 'cpuMicros',
    of: 'app-durable',
    than: 'layer',
    difference: true,
    atMost: 25,
  },
];
