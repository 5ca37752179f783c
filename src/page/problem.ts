import type { Request, Response } from 'express';
import type { Context } from '../context.ts';
import type { Problem } from '../errors.ts';
import { renderPage, renderProblem } from './document.ts';
import { originOf, readState } from './state.ts';
import { describeProblem } from './messages.ts';

/**
 * Sends a problem: as a page to browsers on the page's addresses and where there is nothing, as problem+json otherwise.
 *
 * If the store is unavailable or the session unknown, the page shows only the problem: asking the store again would take
 * as long again.
 */
export function createSendProblem(context: Context) {
  return async function sendProblem(problem: Problem, req: Request, res: Response): Promise<void> {
    const isPage = req.path === '/' || req.path.startsWith('/page/');
    const isShown = isPage || problem.code === 'not-found'; // a person who followed a link
    if (!isShown || req.accepts(['application/problem+json', 'html']) !== 'html') return problem.send(res);
    const origin = originOf(context);
    const text = isPage ? describeProblem(problem) : problem.message;
    const typed = textsOf(req.body);
    const state =
      isPage && problem.status < 500 && req.session ? await readState(req, context).catch(() => undefined) : undefined;
    const sent = req.method === 'POST' ? { action: req.originalUrl, fields: typed } : undefined;
    res
      .status(problem.status)
      .set(problem.extra.headers ?? {})
      .type('html');
    res.send(
      state
        ? renderPage(origin, state, { problem: text, typed })
        : renderProblem(origin, problem.title, text, problem.status >= 500 ? sent : undefined),
    );
  };
}

function textsOf(body: unknown): Record<string, string> {
  const entries = Object.entries(body ?? {}).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(entries.map(([name, value]) => [name, value.slice(0, 200)]));
}
