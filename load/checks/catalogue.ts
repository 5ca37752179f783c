/** Something to look for. */
export interface Check {
  name: string;
  one: string;
  many: string;
  about: string;
}

/** What is looked for, the worst first. */
export const checks: Check[] = [
  check('lost-session', 'session lost', 'sessions lost', 'Somebody who had logged in was answered as nobody.'),
  check(
    'lost-write',
    'acknowledged write lost',
    'acknowledged writes lost',
    'A change was acknowledged, or seen, and no later answer shows it.',
  ),
  check(
    'false-success',
    'false success',
    'false successes',
    'Of the lost writes: acknowledged while Redis, or the way to it, was broken.',
  ),
  check(
    'undone-logout',
    'logout undone',
    'logouts undone',
    'A session was known to have ended, and its cookie opened it again.',
  ),
  check(
    'leak',
    "answer of somebody else's session",
    "answers of somebody else's session",
    'An answer held what another session had written, or was for another user.',
  ),
  check(
    'kept-id',
    'session id kept at login',
    'session ids kept at login',
    'The id did not change at the login, or the one from before opens the session.',
  ),
  check(
    'denied-write',
    'answer that denies its own write',
    'answers that deny their own write',
    'An answer acknowledged a change and did not show it.',
  ),
  check(
    'stale-read',
    'stale read',
    'stale reads',
    'An answer did not show what was known before its request began; a later one did.',
  ),
  check('fork', 'fork', 'forks', 'Two answers show carts of which neither can have become the other.'),
  check(
    'wrong-order',
    'order that cannot be',
    'orders that cannot be',
    'Adds and reads that fit no order of one thing after the other (linearizability).',
  ),
  check(
    'duplicate',
    'write done twice',
    'writes done twice',
    'An article was added once, or repeated with its Idempotency-Key, and is there twice.',
  ),
  check('phantom', 'phantom', 'phantoms', 'An answer showed what nobody had written.'),
  check(
    'refused-but-done',
    'refused write done',
    'refused writes done',
    'An answer said that nothing was changed, and something was.',
  ),
  check(
    'failed-request',
    'request failed',
    'requests failed',
    'A request failed, and no fault was under way that may cost requests.',
  ),
  check('slow-answer', 'answer too late', 'answers too late', 'A request took longer than it may.'),
  check('stall', 'stall', 'stalls', 'Nobody was answered for longer than it may take.'),
  check(
    'no-share',
    'replica without a share',
    'replicas without a share',
    'All faults were over, and a replica that was there got none of the requests.',
  ),
  check(
    'late-return',
    'late return',
    'late returns',
    'What was broken was whole again, and for more than a second nobody was answered.',
  ),
];

/** Whether the record can be trusted; without that the verdict is unknown. */
export const accounts = check(
  'accounts',
  'account that does not close',
  'accounts that do not close',
  'Every request has ended once, and nginx logged every answer with the same status.',
);

function check(name: string, one: string, many: string, about: string): Check {
  return { name, one, many, about };
}
