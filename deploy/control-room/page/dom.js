// Elements are made once and changed where something is new: what has the focus keeps it.

/** @param properties of the element; `class`, `data-…` and `aria-…` as in HTML */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && !name.startsWith('aria')) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

const svg = 'http://www.w3.org/2000/svg';

/** A shape for what colour alone would say. Words must stand beside it. */
export function sign(name) {
  const element = document.createElementNS(svg, 'svg');
  element.setAttribute('class', 'icon');
  element.setAttribute('aria-hidden', 'true');
  element.append(document.createElementNS(svg, 'use'));
  setSign(element, name);
  return element;
}

export function setSign(element, name) {
  setAttribute(element, 'data-sign', name);
  setAttribute(element.firstElementChild, 'href', `#sign-${name}`);
}

/** Makes `parent` have one child for each item, in their order; those that are there already stay. */
export function keyed(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  for (const [index, item] of items.entries()) {
    const key = String(keyOf(item));
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = create(item);
      child.dataset.key = key;
    }
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    update(child, item);
  }
  for (const child of known.values()) child.remove();
}
