// The page without reloads. It shows what the server renders, and nothing else: forms are sent as they are, and what differs
// in the page that comes back takes the place of what stands.
import { count, show } from './answers.js';

const $ = (id) => document.getElementById(id);
const parts = ['greeting', 'replica', 'lived', 'login', 'cart', 'preferences', 'sessions', 'about'];
const unanswered = 'No replica has answered, so whether this was done is unknown. Send it again: it is done once.';
const notReached = 'Nobody answers. What stands here is from before.';

/** The last change that got no clear answer. Sent again it must be known for the same. */
let unsure;
/** The exchange that is under way. */
let asking;
let isActing = false;
/** True where the problem on show is that nobody could be asked. */
let isCutOff = false;

document.addEventListener('submit', (event) => {
  event.preventDefault();
  const { target: form, submitter } = event;
  const body = form.method === 'post' ? new URLSearchParams(new FormData(form, submitter)) : undefined;
  const { pathname, searchParams } = new URL(form.action);
  // A form that is there to be sent again must be known for the same.
  act(pathname, body, form.closest('.alone') && searchParams.get('key'));
});

/** Does what the visitor asked for. A second press while it is under way is the same press. */
async function act(path, body, key) {
  if (isActing) return;
  isActing = true;
  document.querySelector('main').ariaBusy = 'true';
  await asking;
  asking = exchange(path, body, key);
  await asking;
  document.querySelector('main').ariaBusy = 'false';
  isActing = false;
}

async function exchange(path, body, key) {
  const isSilent = path === undefined;
  const what = `${path} ${body}`;
  if (body && unsure?.what !== what) unsure = { what, key: key || newKey() };
  const answer = await send(body ? `${path}?key=${unsure.key}` : '/', body);
  const fresh = answer && new DOMParser().parseFromString(answer.text, 'text/html');
  if (!fresh?.querySelector('main')) return tell(body ? unanswered : notReached, true);
  // Who looks, at least, sees what became of it; the words "send it again" are gone then, too.
  if (!isSilent && answer.status < 500) unsure = undefined;
  take(fresh, isSilent);
  if (!isSilent && answer.status < 400) $('said').textContent = `Done: ${$('replica').textContent} has answered.`;
}

/** Tries again where no replica has answered, for as long as one takes to come up. The key makes that safe. */
async function send(url, body) {
  const headers = { Accept: 'text/html', Prefer: 'return=representation' };
  for (const wait of [0, 300, 900, 1800]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const signal = AbortSignal.timeout(10_000);
      const response = await fetch(url, { method: body ? 'POST' : 'GET', body, headers, signal });
      const { status } = response;
      const text = await response.text();
      if (status !== 502 && status !== 504) return { status, text };
    } catch {} // the connection is cut: nothing is known of it
    count({}, false);
    show();
  }
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}

/** Puts what the server has rendered into the page. */
function take(fresh, isSilent) {
  const [main, problem] = [fresh.querySelector('main'), fresh.getElementById('problem').textContent];
  const isAlone = main.classList.contains('alone');
  if (isAlone && parts.every($)) {
    count(main.dataset, false);
    show();
    return tell(`${main.querySelector('h1').textContent} ${problem} What stands here is from before.`, true);
  }
  document.title = fresh.title;
  document.documentElement.dataset.theme = fresh.documentElement.dataset.theme;
  if (isAlone || !parts.every($)) document.querySelector('main').replaceWith(document.adoptNode(main));
  else replaceParts(fresh, isSilent);
  if (!isSilent || isCutOff) tell(problem, false);
  start();
}

function replaceParts(fresh, isSilent) {
  Object.assign(document.querySelector('main').dataset, { ...fresh.querySelector('main').dataset });
  const focused = document.activeElement;
  for (const id of parts) {
    const [old, next] = [$(id), fresh.getElementById(id)];
    const hasFocus = old.contains(focused) && focused !== document.body;
    // Nobody's typing is taken away by a look.
    if (isSame(old, next) || (isSilent && hasFocus && focused.matches('input, select'))) continue;
    const scrolled = old.querySelector('.rows')?.scrollTop ?? 0;
    old.replaceWith(document.adoptNode(next));
    next.querySelector('.rows')?.scrollTo(0, scrolled);
    if (hasFocus) ($(focused.id) ?? next.querySelector('h2')).focus();
  }
}

function isSame(old, next) {
  const text = (element) => element.outerHTML.replace(/\?key=[\w-]+/g, '');
  return text(old) === text(next);
}

function tell(words, cutOff) {
  isCutOff = cutOff;
  if ($('problem').textContent !== words) $('problem').textContent = words;
}

/** Counts the answer that is on show. */
function start() {
  const { classList, dataset } = document.querySelector('main');
  count(dataset, !classList.contains('alone'));
  show();
  if ($('keep')) $('keep').hidden = false;
}

async function keepAsking() {
  if ($('keep-asking')?.checked && !document.hidden && !isActing) {
    asking = exchange();
    await asking;
  }
  setTimeout(keepAsking, 1000);
}

// A page that comes back from the browser's memory shows what was.
addEventListener('pageshow', (event) => event.persisted && act());
start();
keepAsking();
