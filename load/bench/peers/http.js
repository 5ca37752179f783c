// Node's own server, without a framework and without sessions: the floor.

import { createServer } from 'node:http';
import { host, port } from './serve.js';

const profile = JSON.stringify({ user: { name: 'guest' } });

createServer((req, res) => {
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  if (req.method === 'GET') return res.end(profile);
  let body = '';
  req.setEncoding('utf8').on('data', (chunk) => {
    body += chunk;
  });
  req.on('end', () => res.end(JSON.stringify(JSON.parse(body))));
}).listen(port, host);
