import type { Request, Response } from 'express';
import type { Context } from '../context.ts';
import type { Problem } from '../errors.ts';
import { renderPage, renderProblem } from '../page/document.ts';
import { originOf, readState } from '../page/state.ts';
import { tell } from '../page/words.ts';

/**
 * Answers with a problem: who came to the page with a browser gets the page, everybody else problem+json.
 *
 * Where the store is away, or the visitor's session is not known, the page is the problem alone: asking the store again
 * would take as long again.
 */
export function createSendProblem(context: Context) {
  return async function sendProblem(problem: Problem, req: Request, res: Response): Promise<void> {
    const isPage = req.path === '/' || req.path.startsWith('/page/');
    if (!isPage || req.accepts(['application/problem+json', 'html']) !== 'html') return problem.send(res);
    const [origin, words, typed] = [originOf(context), tell(problem), textsOf(req.body)];
    const state =
      problem.status < 500 && req.session ? await readState(req, context).catch(() => undefined) : undefined;
    const sent = req.method === 'POST' ? { action: req.originalUrl, fields: typed } : undefined;
    res
      .status(problem.status)
      .set(problem.extra.headers ?? {})
      .type('html');
    res.send(
      state
        ? renderPage(origin, state, { problem: words, typed })
        : renderProblem(origin, problem.title, words, problem.status >= 500 ? sent : undefined),
    );
  };
}

function textsOf(body: unknown): Record<string, string> {
  const entries = Object.entries(body ?? {}).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(entries.map(([name, value]) => [name, value.slice(0, 200)]));
}
