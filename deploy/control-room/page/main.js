import { h, keyed, setAttribute, setText } from './dom.js';
import { createDots } from './dots.js';
import { listen } from './events.js';
import { showSummary } from './summary.js';
import { createLog } from './log.js';
import { createPlots } from './plots.js';
import { prepareButtons } from './buttons.js';
import { createScene } from './scene.js';

const byId = (id) => document.getElementById(id);

const token = takeToken();
const toast = createToast(byId('toast'));
const scene = createScene(byId('scene'));
const dots = createDots(byId('dots'), scene);
const plots = createPlots(document.querySelectorAll('.plot'), (text) => setText(byId('announcer'), text));
const log = createLog(byId('log'), byId('announcer'));

// The link of another room, opened in this tab.
addEventListener('hashchange', () => location.reload());
prepareButtons(token, toast);
if (token) void listen(token, { event: onEvent, state: showLink });
else showLink('refused', 'Open the link that the command printed: it contains the key of this room.');

/** Moves the token from the fragment to this tab's storage, so that neither the history nor a copied address has it. */
function takeToken() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem('token', given);
    history.replaceState(null, '', '/');
  }
  return sessionStorage.getItem('token') ?? '';
}

function onEvent(name, { view, points, entries, marks }) {
  if (name === 'snapshot') {
    plots.reset();
    log.reset();
  }
  showHeader(view);
  showSummary(byId('summary'), view);
  scene.show(view);
  dots.show(view);
  plots.add(points, marks, view);
  log.add(entries);
}

function showHeader({ headline, notices, fleet }) {
  setAttribute(byId('now'), 'data-tone', headline.tone);
  setAttribute(byId('headline-sign'), 'href', `#sign-${headline.tone}`);
  setText(byId('headline'), headline.text);
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
          ? h(
              'a',
              { href, target: '_blank', rel: 'noreferrer' },
              text,
              h('span', { class: 'visually-hidden' }, ` (${about})`),
            )
          : text,
      ),
    () => {},
  );
}

function showLink(state, text = 'The room does not answer; the data is old. This page reconnects by itself.') {
  const isNew = document.body.dataset.link !== state;
  setAttribute(byId('link'), 'data-state', state);
  setAttribute(document.body, 'data-link', state);
  setText(byId('link-text'), { live: 'live', away: 'reconnecting', refused: 'closed' }[state]);
  if (state === 'live') return;
  setAttribute(byId('now'), 'data-tone', 'unknown');
  setAttribute(byId('headline-sign'), 'href', '#sign-unknown');
  setText(byId('headline'), text);
  if (isNew) setText(byId('announcer'), text);
  dots.stop();
}

/** Shows why an action was refused, and announces it to screen readers. */
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
