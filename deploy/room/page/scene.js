import { h, keyed, setAttribute, setSign, setText, sign } from './dom.js';
import { createButton, updateButton, updateButtons } from './press.js';
import { createReplica, updateReplica } from './replica.js';
import { createWays } from './ways.js';
import { count, latency, none, plural, rate } from './words.js';

/** The fleet as a picture: who visits, what passes requests on, what answers them, and where sessions are kept. */
export function createScene(root) {
  const part = (id) => root.querySelector(`#${id}`);
  const visitors = createVisitors(part('visitors'));
  const nginx = createPart(part('nginx'), 'nginx', 'round robin', 'nginx');
  const redis = createPart(part('redis'), 'Redis', 'keeps the sessions', 'Redis');
  const stores = createStores(part('redis'));
  const [replicas, all] = [part('replicas'), part('all')];
  const ways = createWays(root);
  all.role = 'group';
  all.ariaLabel = 'All replicas';

  function show(view) {
    visitors(view.visitors);
    nginx(view.nginx, view.nginx.perSecond === null ? none : `${rate(view.nginx.perSecond)} requests/s`);
    redis(view.redis, view.redis.words || none);
    stores(view.stores);
    setAttribute(replicas, 'data-many', view.replicas.length > 4 ? 'true' : null);
    keyed(
      replicas,
      view.replicas,
      ({ name }) => name,
      createReplica,
      (element, replica) => updateReplica(element, replica, view),
    );
    updateButtons(all, view.all, '');
    setAttribute(root, 'data-store', view.fleet?.store);
    ways.follow(view);
  }

  return { show, root, ways };
}

function createVisitors(node) {
  const what = h('p', { class: 'what' });
  const speed = h('p', { class: 'large' });
  const detail = h('p', { class: 'detail' });
  const button = createButton('');
  node.append(
    h('h3', { id: 'visitors-name' }, 'Visitors'),
    what,
    speed,
    detail,
    h('div', { class: 'buttons' }, button),
  );
  return ({ state, users, perSecond, p50, p99, button: offered }) => {
    setAttribute(node, 'data-state', state);
    const words = {
      away: 'nobody is there',
      arriving: 'logging in …',
      busy: plural(users, 'user'),
      leaving: 'leaving …',
    };
    setText(what, words[state]);
    setText(speed, state === 'away' ? none : `${rate(perSecond)} requests/s`);
    setText(
      detail,
      perSecond ? `half within ${latency(p50)}, 99 % within ${latency(p99)}` : `${count(users)} users can come`,
    );
    setAttribute(button, 'data-strong', offered.action === 'users-start' ? 'true' : null);
    updateButton(button, offered);
  };
}

function createPart(node, name, what, about) {
  const words = h('span');
  const state = h('p', { class: 'state' }, sign('good'), words);
  const detail = h('p', { class: 'large' });
  const buttons = h('div', { class: 'buttons' });
  const id = `${node.id}-name`;
  node.append(h('h3', { id }, name), h('p', { class: 'what' }, what), detail, state, buttons);
  const signs = { up: 'good', hangs: 'paused', down: 'bad', silent: 'bad', unknown: 'unknown' };
  return (part, figure) => {
    setAttribute(node, 'data-state', part.state);
    setSign(state.firstElementChild, signs[part.state]);
    setText(words, part.words || 'unknown');
    setText(detail, figure === part.words ? '' : figure);
    updateButtons(buttons, part.buttons, about);
  };
}

/** Which store is chosen stands on the button, and is said. */
function createStores(node) {
  const list = h('div', { class: 'stores', role: 'group', 'aria-labelledby': 'stores-name' });
  const about = h('p', { class: 'detail' });
  node.append(h('h4', { id: 'stores-name' }, 'Session store'), list, about);
  return (stores) => {
    const buttons = stores.map(({ button }) => button);
    updateButtons(list, buttons, 'store');
    for (const [index, { isChosen }] of stores.entries())
      setAttribute(list.children[index], 'aria-pressed', isChosen ? 'true' : 'false');
    setText(about, stores.find(({ isChosen }) => isChosen)?.about ?? '');
  };
}
