import { h, setAttribute, setSign, setText, sign } from './dom.js';
import { updateButtons } from './buttons.js';
import { count, duration, latency, none, rate } from './format.js';

const signs = { ready: 'good', starting: 'starting', draining: 'draining', paused: 'paused', down: 'bad' };
const names = ['requests/s', 'failed/s', 'median', 'p99', 'in flight', 'up', 'restarts'];

/** A response that takes longer looks broken to a visitor. */
const slowMs = 1000;

export function createReplica({ label }) {
  const title = h('h3', {}, label);
  const state = h('p', { class: 'state' }, sign('good'), h('span'));
  const metrics = h('dl', { class: 'measured' });
  for (const label of names) metrics.append(h('div', {}, h('dt', {}, label), h('dd')));
  const buttons = h('div', { class: 'buttons' });
  return h('li', { class: 'replica' }, title, state, metrics, buttons);
}

export function updateReplica(element, replica, { at, fleet }) {
  const [title, state, metrics, buttons] = element.children;
  setAttribute(element, 'data-state', replica.state);
  setAttribute(
    title,
    'title',
    [replica.runsAs, replica.label !== replica.name && replica.name, replica.version && `version ${replica.version}`]
      .filter(Boolean)
      .join(', '),
  );
  setSign(state.firstElementChild, signs[replica.state]);
  setText(state.lastElementChild, describeState(replica, fleet?.store));
  const { perSecond, failedPerSecond, p50, p99, inFlight, restarts, since } = replica;
  const time = since === null ? none : duration(at - since);
  const failed = perSecond === null ? null : (failedPerSecond ?? 0); // without a failure there is no such series
  const values = [rate(perSecond), rate(failed), latency(p50), latency(p99), count(inFlight), time, count(restarts)];
  setAttribute(metrics.children[1], 'data-tone', failed > 0 ? 'bad' : '');
  setAttribute(metrics.children[3], 'data-tone', p99 > slowMs ? 'bad' : '');
  setText(metrics.children[5].firstElementChild, { down: 'down for', paused: 'paused for' }[replica.state] ?? 'up');
  for (const [index, value] of values.entries()) setText(metrics.children[index].lastElementChild, value);
  updateButtons(buttons, replica.buttons, replica.label);
}

/** While the store is being switched, replicas differ. */
function describeState({ state, store }, fleetStore) {
  return store && store !== fleetStore ? `${state}, store ${store}` : state;
}
