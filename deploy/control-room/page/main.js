import { h, keyed, setAttribute, setText } from './dom.js';
import { createDots } from './dots.js';
import { listen } from './events.js';
import { showFigures } from './figures.js';
import { createLog } from './log.js';
import { createPlots } from './plots.js';
import { preparePress } from './press.js';
import { createScene } from './scene.js';

const byId = (id) => document.getElementById(id);

const token = takeToken();
const toast = createToast(byId('toast'));
const scene = createScene(byId('scene'));
const dots = createDots(byId('dots'), scene);
const plots = createPlots(document.querySelectorAll('.plot'), (text) => setText(byId('announcer'), text));
const log = createLog(byId('log'), byId('announcer'));

// The link of another room, in a tab that is open already.
addEventListener('hashchange', () => location.reload());
preparePress(token, toast);
if (token) void listen(token, { event: onEvent, state: showLink });
else showLink('refused', 'Open the link that the command printed: it has the key to this room.');

/** It stands behind `#`, and goes into this tab alone: neither history nor a copied address shall have it. */
function takeToken() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem('token', given);
    history.replaceState(null, '', '/');
  }
  return sessionStorage.getItem('token') ?? '';
}

function onEvent(name, { view, points, entries, marks }) {
  if (name === 'whole') {
    plots.begin();
    log.begin();
  }
  showNow(view);
  showFigures(byId('figures'), view);
  scene.show(view);
  dots.show(view);
  plots.add(points, marks, view);
  log.add(entries);
}

function showNow({ sentence, notices, fleet }) {
  setAttribute(byId('now'), 'data-tone', sentence.tone);
  setAttribute(byId('sentence-sign'), 'href', `#sign-${sentence.tone}`);
  setText(byId('sentence'), sentence.text);
  keyed(
    byId('notices'),
    notices,
    ({ text }) => text,
    ({ text }) => h('li', {}, text),
    () => {},
  );
  const facts = fleet
    ? [
        { text: `${fleet.driver} fleet` },
        { text: fleet.http.replace('http://', ''), href: fleet.http, about: 'the site, in a new tab' },
        ...(fleet.prometheus ? [{ text: 'Prometheus', href: fleet.prometheus, about: 'in a new tab' }] : []),
      ]
    : [];
  keyed(
    byId('facts'),
    facts,
    ({ text, href }) => `${text} ${href}`,
    ({ text, href, about }) =>
      h(
        'li',
        {},
        href
          ? h('a', { href, target: '_blank', rel: 'noreferrer' }, text, h('span', { class: 'sr' }, ` (${about})`))
          : text,
      ),
    () => {},
  );
}

function showLink(state, words = 'The room does not answer; what you see is old. This page tries again by itself.') {
  const isNews = document.body.dataset.link !== state;
  setAttribute(byId('link'), 'data-state', state);
  setAttribute(document.body, 'data-link', state);
  setText(byId('link-words'), { live: 'live', away: 'reconnecting', refused: 'closed' }[state]);
  if (state === 'live') return;
  setAttribute(byId('now'), 'data-tone', 'unknown');
  setAttribute(byId('sentence-sign'), 'href', '#sign-unknown');
  setText(byId('sentence'), words);
  if (isNews) setText(byId('announcer'), words);
  dots.stop();
}

/** Says why nothing was done, to those who see and to those who listen. */
function createToast(element) {
  let timer;
  return (text) => {
    clearTimeout(timer);
    element.hidden = false;
    setText(element, text);
    timer = setTimeout(() => {
      element.hidden = true;
      setText(element, '');
    }, 6000);
  };
}
