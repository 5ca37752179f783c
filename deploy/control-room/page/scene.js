import { h, keyed, setAttribute, setSign, setText, sign } from './dom.js';
import { createButton, updateButton, updateButtons } from './buttons.js';
import { createReplica, updateReplica } from './replica.js';
import { createConnections } from './connections.js';
import { latency, none, plural, rate } from './format.js';

/** The fleet as a picture: users, nginx, replicas, and Redis. */
export function createScene(root) {
  const part = (id) => root.querySelector(`#${id}`);
  const users = createUsers(part('users'));
  const nginx = createPart(part('nginx'), 'nginx', createSpeed());
  const redis = createPart(part('redis'), 'Redis');
  const stores = createStores(part('redis'));
  const [replicas, all] = [part('replicas'), part('all')];
  const connections = createConnections(root);
  all.role = 'group';
  all.ariaLabel = 'All replicas';

  function show(view) {
    users(view.users);
    nginx(view.nginx, 'round robin', view.nginx.perSecond);
    redis(view.redis, view.fleet?.store === 'memory' ? 'unused: each replica has its own sessions' : '');
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
    connections.update(view);
  }

  return { show, root, connections };
}

function createUsers(node) {
  const what = h('p', { class: 'what' });
  const speed = createSpeed();
  const [median, slow] = [h('p', { class: 'detail' }), h('p', { class: 'detail' })];
  const button = createButton('');
  node.append(h('h3', { id: 'users-name' }, 'Users'), what, speed, median, slow);
  node.append(h('div', { class: 'buttons' }, button));
  return ({ state, users, perSecond, p50, p99, button: offered }) => {
    setAttribute(node, 'data-state', state);
    const texts = {
      away: `${plural(users, 'user')} ready to start`,
      arriving: 'logging in …',
      busy: plural(users, 'user'),
      leaving: 'stopping …',
    };
    setText(what, texts[state]);
    setSpeed(speed, state === 'away' ? null : perSecond);
    setText(median, p50 === null ? '' : `median ${latency(p50)}`);
    setText(slow, p99 === null ? '' : `p99 ${latency(p99)}`);
    setAttribute(button, 'data-strong', offered.action === 'users-start' ? 'true' : null);
    updateButton(button, offered);
  };
}

/** @param speed an element for requests per second, if the part has them */
function createPart(node, name, speed) {
  const what = h('p', { class: 'what' });
  const text = h('span');
  const state = h('p', { class: 'state' }, sign('good'), text);
  const buttons = h('div', { class: 'buttons' });
  node.append(h('h3', { id: `${node.id}-name` }, name), what, ...(speed ? [speed] : []), state, buttons);
  const signs = { up: 'good', refuses: 'unknown', hangs: 'paused', down: 'bad', silent: 'bad', unknown: 'unknown' };
  return (part, about, perSecond) => {
    setAttribute(node, 'data-state', part.state);
    setText(what, about);
    if (speed) setSpeed(speed, perSecond);
    setSign(state.firstElementChild, signs[part.state]);
    setText(text, part.text || 'unknown');
    updateButtons(buttons, part.buttons, name);
  };
}

function createSpeed() {
  return h('p', { class: 'large' }, h('span'), ' ', h('small', {}, 'requests/s'));
}

function setSpeed(element, perSecond) {
  setText(element.firstElementChild, perSecond === null ? none : rate(perSecond));
}

/** The chosen store is marked on its button, also for screen readers. */
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
