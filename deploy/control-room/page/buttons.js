import { h, setAttribute, setText } from './dom.js';

/** Creates a button for an action. `about` names its object to screen readers. */
export function createButton(about) {
  const label = h('span');
  const reason = h('span', { class: 'visually-hidden' });
  const element = h(
    'button',
    { type: 'button', class: 'button' },
    label,
    h('span', { class: 'visually-hidden' }, ` ${about}`),
    reason,
  );
  element.addEventListener('click', () => runAction(element));
  return element;
}

/** A disabled button keeps the focus and says why it is disabled. */
export function updateButton(element, { action, label, replica, disabledReason, isBusy }) {
  const [text, , reason] = element.children;
  setText(text, label);
  setText(reason, disabledReason ? `. Disabled: ${disabledReason}` : '');
  setAttribute(element, 'data-action', action);
  setAttribute(element, 'data-replica', replica);
  setAttribute(element, 'aria-disabled', disabledReason ? 'true' : null);
  setAttribute(element, 'title', disabledReason);
  setAttribute(element, 'data-busy', isBusy ? 'true' : null);
}

/** Shows these buttons; each position keeps its element. */
export function updateButtons(parent, buttons, about) {
  while (parent.children.length < buttons.length) parent.append(createButton(about));
  while (parent.children.length > buttons.length) parent.lastElementChild.remove();
  for (const [index, button] of buttons.entries()) updateButton(parent.children[index], button);
}

let token = '';
let showRefusal = () => {};

/** Sets the key of the room, and what shows a refusal. */
export function prepareButtons(key, onRefusal) {
  token = key;
  showRefusal = onRefusal;
}

async function runAction(element) {
  const { action, replica } = element.dataset;
  if (element.getAttribute('aria-disabled')) return showRefusal(element.title);
  // Disabled until the next update.
  const waiting = { 'aria-disabled': 'true', 'data-busy': 'true', title: 'This action is running.' };
  for (const [name, value] of Object.entries(waiting)) setAttribute(element, name, value);
  try {
    const response = await fetch(`/actions/${action}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(replica === undefined ? {} : { replica: Number(replica) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) showRefusal((await response.json()).error);
  } catch {
    showRefusal('The room does not answer.');
    for (const name of Object.keys(waiting)) setAttribute(element, name, null);
  }
}
