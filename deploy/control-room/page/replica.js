import { h, setAttribute, setSign, setText, sign } from './dom.js';
import { updateButtons } from './press.js';
import { count, lasting, latency, none, rate } from './words.js';

const signs = { ready: 'good', starting: 'starting', draining: 'draining', paused: 'paused', down: 'bad' };
const names = ['requests/s', 'median', '99 %', 'in flight', 'up', 'restarts'];

export function createReplica({ name }) {
  const title = h('h3', {}, name);
  const state = h('p', { class: 'state' }, sign('good'), h('span'));
  const figures = h('dl', { class: 'measured' });
  for (const figure of names) figures.append(h('div', {}, h('dt', {}, figure), h('dd')));
  const buttons = h('div', { class: 'buttons' });
  return h('li', { class: 'replica' }, title, state, figures, buttons);
}

export function updateReplica(element, replica, { at, fleet }) {
  const [title, state, figures, buttons] = element.children;
  setAttribute(element, 'data-state', replica.state);
  setAttribute(
    title,
    'title',
    [replica.runsAs, replica.version && `version ${replica.version}`].filter(Boolean).join(', '),
  );
  setSign(state.firstElementChild, signs[replica.state]);
  setText(state.lastElementChild, stateWords(replica, fleet?.store));
  const { perSecond, p50, p99, inFlight, restarts, since } = replica;
  const time = since === null ? none : lasting(at - since);
  const values = [rate(perSecond), latency(p50), latency(p99), count(inFlight), time, count(restarts)];
  setText(figures.children[4].firstElementChild, replica.state === 'down' ? 'down for' : 'up');
  for (const [index, value] of values.entries()) setText(figures.children[index].lastElementChild, value);
  updateButtons(buttons, replica.buttons, replica.name);
}

/** While a fleet is switched, replicas differ. */
function stateWords({ state, store }, fleetStore) {
  return store && store !== fleetStore ? `${state}, store ${store}` : state;
}
