import { h, keyed, setAttribute, setSign, setText, sign } from './dom.js';
import { clock, count, none } from './words.js';

/** What became of the users' sessions, large. Without users there is nothing to say, and that is no good news. */
export function showFigures(list, { visitors: { totals, state } }) {
  keyed(
    list,
    figuresOf(totals, state),
    ({ name }) => name,
    ({ name }) =>
      h(
        'li',
        {},
        h('p', { class: 'value' }, h('span'), sign('plain')),
        h('p', { class: 'name' }, name),
        h('p', { class: 'of' }),
      ),
    (element, figure) => {
      const [value, , of] = element.children;
      setAttribute(element, 'data-tone', figure.tone);
      setText(value.firstElementChild, figure.value);
      setSign(value.lastElementChild, figure.tone);
      setText(of, figure.of);
    },
  );
}

function figuresOf(totals, state) {
  const names = ['sessions whole', 'sessions lost', 'acknowledged writes missing', 'requests failed'];
  if (!totals) {
    const of = state === 'arriving' ? 'the users are logging in' : 'start the users to see';
    return names.map((name) => ({ name, value: none, of, tone: 'plain' }));
  }
  const { users, whole, lost, writes, writesLost, requests, failed, since } = totals;
  const when = `since ${clock(since)}${state === 'away' ? ', until they left' : ''}`;
  return [
    {
      value: count(whole),
      of: `of ${count(users)} users`,
      tone: whole === users ? 'good' : state === 'arriving' ? 'plain' : 'bad',
    },
    { value: count(lost), of: when, tone: lost === 0 ? 'good' : 'bad' },
    { value: count(writesLost), of: `of ${count(writes)}`, tone: writesLost === 0 ? 'good' : 'bad' },
    { value: count(failed), of: `of ${count(requests)}`, tone: failed === 0 ? 'good' : 'unknown' },
  ].map((figure, index) => ({ ...figure, name: names[index] }));
}
