import { h, setAttribute, setText } from './dom.js';

/** Makes a button for what the room says that can be done. What it is about is said to those who do not see it. */
export function createButton(about) {
  const label = h('span');
  const why = h('span', { class: 'sr' });
  const element = h('button', { type: 'button', class: 'button' }, label, h('span', { class: 'sr' }, ` ${about}`), why);
  element.addEventListener('click', () => press(element));
  return element;
}

/** One that cannot be pressed keeps the focus and says why. */
export function updateButton(element, { action, label, replica, why, isBusy }) {
  const [text, , reason] = element.children;
  setText(text, label);
  setText(reason, why ? `. Not now: ${why}` : '');
  setAttribute(element, 'data-action', action);
  setAttribute(element, 'data-replica', replica);
  setAttribute(element, 'aria-disabled', why ? 'true' : null);
  setAttribute(element, 'title', why);
  setAttribute(element, 'data-busy', isBusy ? 'true' : null);
}

/** As many buttons as there are of them; the same place keeps the same element. */
export function updateButtons(parent, buttons, about) {
  while (parent.children.length < buttons.length) parent.append(createButton(about));
  while (parent.children.length > buttons.length) parent.lastElementChild.remove();
  for (const [index, button] of buttons.entries()) updateButton(parent.children[index], button);
}

let token = '';
let tell = () => {};

export function preparePress(key, onRefusal) {
  [token, tell] = [key, onRefusal];
}

async function press(element) {
  const { action, replica } = element.dataset;
  if (element.getAttribute('aria-disabled')) return tell(element.title);
  // Until the room says what is.
  const waiting = { 'aria-disabled': 'true', 'data-busy': 'true', title: 'It is being done.' };
  for (const [name, value] of Object.entries(waiting)) setAttribute(element, name, value);
  try {
    const response = await fetch(`/actions/${action}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(replica === undefined ? {} : { replica: Number(replica) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) tell((await response.json()).error);
  } catch {
    tell('The room does not answer.');
    for (const name of Object.keys(waiting)) setAttribute(element, name, null);
  }
}
