import { once } from 'node:events';
import { createServer } from 'node:http';
import { createBrowser } from './browser.js';

/** Serves an application. @returns its port, and what ends it */
export async function serve(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { server, port: server.address().port, end };
}

/** @returns what `visit` returns */
export async function withApp(app, visit) {
  const { port, server, end } = await serve(app);
  try {
    return await visit(createBrowser(port), server, port);
  } finally {
    end();
  }
}
