// Elements are created once and then updated, so that the focus stays where it is.

/** Creates an element. @param properties its properties; `class`, `data-…` and `aria-…` as in HTML */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && !name.startsWith('aria')) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Sets the text, of which no line break separates a number from its unit. */
export function setText(element, text) {
  const kept = text.replaceAll(/(\d) (?=(?:ms|s|min|[kMGT]?B)\b)/g, '$1\u00a0');
  if (element.textContent !== kept) element.textContent = kept;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A colour of the style sheet as a canvas understands it. */
export function colourOf(name) {
  swatch.style.color = `var(${name})`;
  if (!swatch.isConnected) document.body.append(swatch);
  return getComputedStyle(swatch).color;
}

const swatch = h('span', { hidden: true });
const svg = 'http://www.w3.org/2000/svg';

/** An icon for a state, so that colour is not its only sign. Text must be beside it. */
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

/** Gives `parent` one child per item, in order; present children stay. */
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
