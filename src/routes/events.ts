import { type Response, Router } from 'express';
import { answered } from '../answered.ts';
import type { Context } from '../context.ts';
import { methodNotAllowed, Problem } from '../errors.ts';
import { SessionError } from '../sessions/index.ts';
import { requireUser } from './profile.ts';

/** nginx gives up a replica that is silent for 2 s (nginx/proxy.conf). */
const beatMs = 1000;

/**
 * A stream of events of the user's session, which ends with the session within a second, whoever ended it on whichever
 * replica. Events: `served` (by which replica), and `end` if the session has ended; without `end` the client connects again. Only
 * a layer that knows of the end has it.
 */
export function createEventsRouter({ config, lifecycle, sessions: { signal } }: Context): Router {
  const router = Router();
  const open = new Set<Response>();
  let beats: NodeJS.Timeout | undefined;
  const close = (res: Response) => {
    open.delete(res);
    if (open.size === 0) clearInterval(beats);
    res.end();
  };
  const beat = () => {
    for (const res of open) res.write(':\n\n');
  };
  lifecycle.draining.addEventListener('abort', () => open.forEach(close));

  router
    .route('/events')
    .get(function events(req, res) {
      if (!signal) throw new Problem('not-found', 'With this session store no replica knows of a logout at another.');
      requireUser(req);
      if (open.size >= config.maxInProgress || lifecycle.draining.aborted) {
        const headers = { 'Retry-After': '1' };
        throw new Problem('overloaded', 'This replica has as many streams as it may. Try again in a second.', {
          headers,
        });
      }
      res.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
      send(res, 'served', { replica: config.replica });
      res.emit(answered);
      if (req.method === 'HEAD') return void res.end();
      if (open.size === 0) beats = setInterval(beat, beatMs);
      open.add(res);
      res.once('close', () => close(res));
      const ended = signal(req);
      const over = () => {
        const { reason } = ended;
        if (reason instanceof SessionError && reason.code === 'session-ended') send(res, 'end', {});
        close(res);
      };
      if (ended.aborted) over();
      else ended.addEventListener('abort', over);
    })
    .all(methodNotAllowed('GET'));
  return router;
}

function send(res: Response, event: string, data: object): void {
  res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
