import express, { type Express, type Response } from 'express';
import type { Context } from './context.ts';
import { createProblemHandler, notFound } from './errors.ts';
import { createFormReader } from './middleware/form.ts';
import { refuseOtherSites, requireJson, requirePath, requireTls, requireUsableKey } from './middleware/guards.ts';
import { responseHeaders } from './middleware/headers.ts';
import { createLoadLimit } from './middleware/load-limit.ts';
import { createLoginLimit } from './middleware/login-limit.ts';
import { createRequestLog } from './middleware/request-log.ts';
import { readRoutes } from './metrics/route-templates.ts';
import { createPageFormsRouter } from './page/forms.ts';
import { createSendProblem } from './page/problem.ts';
import { createPageFilesRouter, createPageRouter } from './page/router.ts';
import { createCartRouter } from './routes/cart.ts';
import { createEventsRouter } from './routes/events.ts';
import { createLoginRouter } from './routes/login.ts';
import { createLogoutRouter } from './routes/logout.ts';
import { createPreferencesRouter } from './routes/preferences.ts';
import { createProfileRouter } from './routes/profile.ts';
import { createSessionsRouter } from './routes/sessions.ts';
import { createWhoamiRouter } from './routes/whoami.ts';

/** Puts the middleware of one replica in order. What is refused before the session costs no trip to Redis. */
export function createApp(context: Context): Express {
  const { config, logger, metrics, sessions } = context;
  const app = express();
  // Trusts exactly one hop, nginx, for the client's address and TLS.
  app.set('trust proxy', 1).disable('x-powered-by').disable('etag');
  app.response.json = sendJson;
  app.use(createRequestLog(logger, metrics), responseHeaders(config.replica, config.production));
  app.use(createLoadLimit(config.maxInProgress), createPageFilesRouter());
  app.use(requirePath, refuseOtherSites, createFormReader());
  app.use(requireUsableKey, requireJson, express.json({ limit: '16kb' }));
  if (config.production) app.use(requireTls);
  app.use(createLoginLimit(context), sessions.middleware);
  app.use(
    createLoginRouter(context),
    createProfileRouter(),
    createCartRouter(context),
    createPreferencesRouter(context),
  );
  app.use(createLogoutRouter(context), createSessionsRouter(context), createWhoamiRouter(context));
  app.use(createEventsRouter(context));
  app.use(createPageRouter(context), createPageFormsRouter(context));
  app.use(notFound, createProblemHandler(logger, createSendProblem(context)));
  metrics?.knowRoutes(readRoutes(app));
  return app;
}

/** As Express's own, with a newline at the end: else a shell's prompt follows in the same line. */
function sendJson(this: Response, body: unknown): Response {
  if (!this.get('Content-Type')) this.set('Content-Type', 'application/json');
  return this.send(`${JSON.stringify(body)}\n`);
}
