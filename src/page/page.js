// The page without reloads. It shows only what the server renders: forms are sent unchanged, and the parts of the returned
// page that differ replace the present ones.
import { count, show } from './answers.js';
import { follow } from './live.js';

const $ = (id) => document.getElementById(id);
const parts = ['greeting', 'replica', 'lived', 'login', 'cart', 'preferences', 'sessions', 'about'];
const unanswered = 'No replica answered, so the outcome is unknown. Send it again: it takes effect once.';
const notReached = 'No replica answers. You are seeing older data.';
const stillTrying = 'No replica has answered yet. Trying again …';
const ended = 'This session was ended in another place, or its time is over.';
const stillWaiting = 'Still waiting for a response …';
/** After this time the page says that it still waits. */
const longMs = 1000;

/** The keys of changes without a clear response. One that is sent again must have the same key. */
const unsure = new Map();
/** The latest exchange: the next one begins after it. */
let asking = Promise.resolve();
/** What the visitor has asked for, until there is a response. */
const sending = new Set();
/** True if the visible problem is that no replica could be reached. */
let isCutOff = false;
/** How long the response that is shown took, in milliseconds. */
let tookMs = performance.getEntriesByType('navigation')[0]?.responseStart ?? 0;

document.addEventListener('submit', (event) => {
  event.preventDefault();
  const { target: form, submitter } = event;
  const body = form.method === 'post' ? new URLSearchParams(new FormData(form, submitter)) : undefined;
  const { pathname, searchParams } = new URL(form.action);
  // A form that is there to be sent again keeps its key.
  act(pathname, body, form.closest('.alone') && searchParams.get('key'));
});

/** Sends what the visitor asked for, after what is being sent. The second of a double click is ignored. */
async function act(path, body, key) {
  const what = `${path} ${body}`;
  if (sending.has(what)) return;
  sending.add(what);
  document.querySelector('main').ariaBusy = 'true';
  await inTurn(() => exchange(path, body, key));
  sending.delete(what);
  document.querySelector('main').ariaBusy = String(sending.size > 0);
}

/** @returns a promise of the end of `work`, which begins when those before it have ended */
function inTurn(work) {
  asking = asking.then(work, work);
  return asking;
}

async function exchange(path, body, key) {
  const isSilent = path === undefined;
  const what = `${path} ${body}`;
  if (body && !unsure.has(what)) unsure.set(what, key || newKey());
  const answer = await send(body ? `${path}?key=${unsure.get(what)}` : '/', body);
  const fresh = answer && new DOMParser().parseFromString(answer.text, 'text/html');
  if (!fresh?.querySelector('main')) return showProblem(body ? unanswered : notReached, true);
  // A reload at least shows the outcome; "send it again" disappears then, too.
  if (!isSilent && answer.status < 500) unsure.clear();
  take(fresh, isSilent, body);
  if (!isSilent && answer.status < 400) $('announcer').textContent = `Done: ${$('replica').textContent} answered.`;
}

/** Tries again without a response, for as long as a replica takes to start. The key makes that safe. */
async function send(url, body) {
  const headers = { Accept: 'text/html', Prefer: 'return=representation' };
  for (const wait of [0, 300, 900, 1800]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const start = performance.now();
    const late = setTimeout(() => showProblem(stillWaiting, true), longMs);
    try {
      const signal = AbortSignal.timeout(10_000);
      const response = await fetch(url, { method: body ? 'POST' : 'GET', body, headers, signal });
      const { status } = response;
      const text = await response.text();
      tookMs = performance.now() - start;
      if (status !== 502 && status !== 504) return { status, text };
    } catch {
      // The connection was cut: the outcome is unknown.
    } finally {
      clearTimeout(late);
    }
    count({}, false, performance.now() - start);
    show();
    showProblem(stillTrying, true);
  }
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}

/** Puts the rendered page into this one. @param sent the fields of the form that it answers */
function take(fresh, isSilent, sent) {
  const [main, problem] = [fresh.querySelector('main'), fresh.getElementById('problem').textContent];
  const isAlone = main.classList.contains('alone');
  if (isAlone && parts.every($)) {
    count(main.dataset, false, tookMs);
    show();
    return showProblem(`${main.querySelector('h1').textContent} ${problem} You are seeing older data.`, true);
  }
  document.title = fresh.title;
  document.documentElement.dataset.theme = fresh.documentElement.dataset.theme;
  if (isAlone || !parts.every($)) document.querySelector('main').replaceWith(document.adoptNode(main));
  else replaceParts(fresh, isSilent, sent);
  if (!isSilent || isCutOff) showProblem(problem, false);
  start();
}

function replaceParts(fresh, isSilent, sent) {
  Object.assign(document.querySelector('main').dataset, { ...fresh.querySelector('main').dataset });
  const focused = document.activeElement;
  for (const id of parts) {
    const [old, next] = [$(id), fresh.getElementById(id)];
    const hasFocus = old.contains(focused) && focused !== document.body;
    // A refresh never discards what the visitor is typing.
    if (isSame(old, next) || (isSilent && hasFocus && focused.matches('input, select'))) continue;
    const scrolled = old.querySelector('.rows')?.scrollTop ?? 0;
    const typed = typedIn(old, sent);
    old.replaceWith(document.adoptNode(next));
    next.querySelector('.rows')?.scrollTo(0, scrolled);
    for (const { id, value } of typed) if ($(id)) $(id).value = value;
    if (hasFocus) ($(focused.id) ?? next.querySelector('h2')).focus();
  }
}

/** The fields that the visitor has filled in since the form was sent. */
function typedIn(part, sent) {
  const fields = [...part.querySelectorAll('input[id]')];
  return fields.filter(({ name, value, defaultValue }) => value !== defaultValue && value !== sent?.get(name));
}

function isSame(old, next) {
  const text = (element) => element.outerHTML.replace(/\?key=[\w-]+/g, '');
  return text(old) === text(next);
}

function showProblem(text, cutOff) {
  isCutOff = cutOff;
  if ($('problem').textContent !== text) $('problem').textContent = text;
}

/** Counts the response that is shown. */
function start() {
  const { classList, dataset } = document.querySelector('main');
  count(dataset, !classList.contains('alone'), tookMs);
  show();
  if ($('keep')) $('keep').hidden = false;
  listen();
}

/** The page shows the end of its session without being asked for it. */
function listen() {
  const { live = '' } = document.querySelector('main').dataset;
  if ($('live')) $('live').hidden = !live;
  follow(live, {
    onOpen(replica) {
      $('live').textContent =
        `Connected to ${replica}: if this session ends anywhere, this page shows it within a second.`;
    },
    async onEnd() {
      if (sending.size > 0) return; // its response shows the end
      await ask();
      if (!document.querySelector('main').dataset.live) showProblem(ended, false);
    },
    async onRefused() {
      if (sending.size === 0) await ask();
      listen();
    },
  });
}

/** Refreshes what is shown. */
const ask = () => inTurn(() => exchange());

async function keepAsking() {
  if ($('keep-asking')?.checked && !document.hidden && sending.size === 0) {
    await ask();
  }
  setTimeout(keepAsking, 1000);
}

addEventListener('visibilitychange', listen);
// A page restored from the browser's cache shows old data.
addEventListener('pageshow', (event) => event.persisted && act());
start();
keepAsking();
