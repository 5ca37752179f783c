import { EventEmitter, once } from 'node:events';
import inject from 'light-my-request';
import mocks from 'node-mocks-http';
import serverless from 'serverless-http';
import { createApp, paths } from './app.js';

// What calls an application without a server: adapters for AWS Lambda and tools for tests. Their responses go to no
// connection, and have ended for them once `end` was called. As companions.js.

/** @param call calls the application. @returns what a visitor sees who keeps the cookie */
async function visit(sessions, call) {
  const app = createApp(sessions);
  const seen = [];
  let cookie;
  for (const path of paths) {
    const { status, body, cookies } = await call(app, path, cookie ? { cookie } : {});
    cookie = cookies?.[0]?.split(';')[0] ?? cookie;
    seen.push([status, body]);
  }
  return seen;
}

/** An event of API Gateway's HTTP API, https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
const lambda = (sessions) =>
  visit(sessions, async (app, path, headers) => {
    const requestContext = { http: { method: 'GET', path, sourceIp: '192.0.2.1' } };
    const event = { version: '2.0', requestContext, rawPath: path, rawQueryString: '', headers };
    const { statusCode, body, cookies } = await serverless(app)(event, {});
    return { status: statusCode, body, cookies };
  });

const lightMyRequest = (sessions) =>
  visit(sessions, async (app, url, headers) => {
    const response = await inject(app, { method: 'GET', url, headers });
    const cookies = [response.headers['set-cookie'] ?? []].flat();
    return { status: response.statusCode, body: response.payload, cookies };
  });

const nodeMocksHttp = (sessions) =>
  visit(sessions, async (app, url, headers) => {
    const req = mocks.createRequest({ method: 'GET', url, headers, connection: {} });
    const res = mocks.createResponse({ req, eventEmitter: EventEmitter });
    const ended = once(res, 'end', { signal: AbortSignal.timeout(5000) });
    app(req, res);
    await ended;
    return { status: res.statusCode, body: res._getData(), cookies: [res.getHeader('set-cookie') ?? []].flat() };
  });

export const adapters = { lambda, lightMyRequest, nodeMocksHttp };
