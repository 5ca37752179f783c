import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { stampNewSessions } from './compared-stores.ts';
import type { Context } from './context.ts';
import { createAnswerProblem, notFound } from './errors.ts';
import { createFormReader } from './form.ts';
import { refuseOtherSites, requireJson, requirePath, requireTls, requireUsableKey } from './guards.ts';
import { createRequestLog } from './logger.ts';
import { readRoutes } from './route-templates.ts';
import { createCartRouter } from './routes/cart.ts';
import { createLoginRouter } from './routes/login.ts';
import { createLogoutRouter } from './routes/logout.ts';
import { createPageFilesRouter, createPageRouter } from './routes/page.ts';
import { createPageFormsRouter } from './routes/page-forms.ts';
import { createSendProblem } from './routes/page-problem.ts';
import { createPreferencesRouter } from './routes/preferences.ts';
import { createProfileRouter } from './routes/profile.ts';
import { createSessionsRouter } from './routes/sessions.ts';
import { createWhoamiRouter } from './routes/whoami.ts';
import { createSessions } from './sessions/index.ts';
import { sendWhole } from './whole-answer.ts';

/** Puts one replica's middleware in order. What is refused before the session costs no trip to Redis. */
export function createApp(context: Context): Express {
  const { config, logger, metrics, store } = context;
  const app = express();
  // Exactly one hop, nginx, may say who the client is and whether it came over TLS.
  app.set('trust proxy', 1).disable('x-powered-by').disable('etag');
  if (metrics) app.use(metrics.observeRequest);
  app.use(createRequestLog(logger), describeReplica(context), securityHeaders(config.production));
  app.use(createPageFilesRouter());
  app.use(requirePath, refuseOtherSites, createFormReader());
  app.use(requireUsableKey, requireJson, express.json({ limit: '16kb' }));
  if (config.production) app.use(requireTls);
  if (config.store !== 'durable') app.use(sendWhole);
  // What went before had express-session's own name for the cookie.
  const migrateCookie = config.migrateFrom === undefined ? undefined : 'connect.sid';
  app.use(
    createSessions({
      store,
      secrets: config.secrets,
      idleSeconds: config.idleSeconds,
      secureOnly: config.production,
      migrateCookie,
    }),
  );
  if (config.store !== 'durable') stampNewSessions(store);
  app.use(
    createLoginRouter(),
    createLogoutRouter(),
    createProfileRouter(),
    createCartRouter(),
    createPreferencesRouter(),
  );
  app.use(createSessionsRouter(context), createWhoamiRouter(context));
  app.use(createPageRouter(context), createPageFormsRouter(context));
  app.use(notFound, createAnswerProblem(logger, createSendProblem(context)));
  metrics?.knowRoutes(readRoutes(app));
  return app;
}

function describeReplica({ config }: Context): RequestHandler {
  return function describeReplica(_req, res, next) {
    res.set({ 'X-Served-By': config.replica, 'Cache-Control': 'no-store' });
    next();
  };
}

function securityHeaders(production: boolean): RequestHandler {
  return helmet({
    // In development the page is also there without TLS, and other things may live on localhost.
    strictTransportSecurity: production,
    // Where there is no TLS a browser ignores it, and says so as an error.
    crossOriginOpenerPolicy: production,
    // Without a referrer browsers send `Origin: null` with forms, and where there is no TLS nothing else tells whose they are.
    referrerPolicy: { policy: 'same-origin' },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}
