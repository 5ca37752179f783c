import { SessionError } from './errors.ts';
import type { SessionEvent } from './events.ts';
import { stateOf } from './request/state.ts';

export type Tell = (event: SessionEvent) => void;

/** An observer is not part of a request: an error in it is reported once, as a warning of the process. */
export function createTell(observe: ((event: SessionEvent) => unknown) | undefined): Tell {
  if (!observe) return () => {};
  let isWarned = false;
  const warn = (err: unknown) => {
    if (!isWarned) process.emitWarning(`The observer of sessions has thrown: ${(err as Error)?.stack ?? err}`);
    isWarned = true;
  };
  return function tell(event) {
    try {
      const result = observe(event);
      if (result instanceof Promise) result.catch(warn);
    } catch (err) {
      warn(err);
    }
  };
}

/** Once a request: it may make several changes, each of which may have been made before. */
export function reportReplayed({ tell }: { tell: Tell }, req: object | undefined): void {
  if (isFirst(req, 'replayed')) tell({ type: 'replayed' });
}

/** Does what is to change a session, and reports it if that fails. */
export async function withFailureReported<T>(
  repository: { tell: Tell },
  req: object | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (err) {
    reportFailed(repository, req, err);
    throw err;
  }
}

/** Once a request: code that catches an error may try again, and fail again. */
export function reportFailed({ tell }: { tell: Tell }, req: object | undefined, err: unknown): void {
  const code = err instanceof SessionError ? err.code : undefined;
  const state = stateOf(req);
  if (state && (code === 'store-unavailable' || code === 'outcome-unknown')) state.lacksStore = true;
  if (isFirst(req, 'commit_failed')) tell({ type: 'commit_failed', code });
}

function isFirst(req: object | undefined, event: 'replayed' | 'commit_failed'): boolean {
  const reported = stateOf(req)?.reported;
  const isNew = !reported?.has(event);
  reported?.add(event);
  return isNew;
}
