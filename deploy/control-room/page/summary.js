import { h, keyed, setAttribute, setSign, setText, sign } from './dom.js';
import { clock, count, none, plural } from './format.js';

/** The users' sessions in four large numbers. Without users there is no evidence, which is not shown as good. */
export function showSummary(list, { users }) {
  keyed(
    list,
    numbersOf(users),
    ({ name }) => name,
    ({ name }) =>
      h(
        'li',
        {},
        h('p', { class: 'value' }, h('span'), sign('plain')),
        h('p', { class: 'name' }, name),
        h('p', { class: 'of' }),
      ),
    (element, number) => {
      const [value, , of] = element.children;
      setAttribute(element, 'data-tone', number.tone);
      setText(value.firstElementChild, number.value);
      setSign(value.lastElementChild, number.tone);
      setText(of, number.of);
    },
  );
}

function numbersOf({ totals, state, unseenSeconds }) {
  const names = ['sessions intact', 'sessions lost', 'acknowledged writes lost', 'requests failed'];
  if (!totals) {
    const of = state === 'arriving' ? 'the users are logging in' : 'start the users to see';
    return names.map((name) => ({ name, value: none, of, tone: 'plain' }));
  }
  const { users, intact, lost, writes, writesLost, requests, failed, excused, since } = totals;
  const isUnseen = unseenSeconds !== null;
  const missing = state === 'arriving' ? 'plain' : 'bad';
  const when = `since ${clock(since)}${state === 'away' ? ', until they left' : ''}`;
  return [
    {
      value: intact,
      of: isUnseen ? `when last seen, ${unseenSeconds} s ago` : `of ${plural(users, 'user')}`,
      tone: isUnseen ? 'unknown' : intact === users ? 'good' : missing,
    },
    { value: lost, of: lost === 0 ? when : `${when}; their users log in again`, tone: lost === 0 ? 'good' : 'bad' },
    { value: writesLost, of: `of ${count(writes)}`, tone: writesLost === 0 ? 'good' : 'bad' },
    {
      value: failed,
      of: `of ${count(requests)}${excused > 0 ? `; ${count(excused)} more excused by a fault` : ''}`,
      tone: failed === 0 ? 'good' : 'unknown',
    },
  ].map((number, index) => ({ ...number, value: count(number.value), name: names[index] }));
}
