import { h, keyed, setAttribute, setSign, setText, sign } from './dom.js';
import { clock } from './format.js';

const maxShown = 100;
/** A screen reader gets at most one message in this time. */
const announceMs = 3000;

/** The events, latest first; new ones are announced briefly to screen readers. */
export function createLog(list, announcer) {
  let entries = new Map();
  let pending = [];
  let isResting = false;
  list.tabIndex = 0; // it scrolls

  function announce() {
    isResting = pending.length > 0;
    if (!isResting) return;
    setText(announcer, `${pending.slice(-3).join('. ')}.`);
    pending = [];
    setTimeout(announce, announceMs);
  }

  return {
    reset() {
      entries = new Map();
    },
    add(fresh) {
      if (fresh.length === 0) return;
      const isUpdate = entries.size > 0;
      for (const entry of fresh) entries.set(entry.id, entry);
      const shown = [...entries.values()].sort((a, b) => b.at - a.at || b.id - a.id).slice(0, maxShown);
      entries = new Map(shown.map((entry) => [entry.id, entry]));
      keyed(list, shown, ({ id }) => id, create, update);
      if (!isUpdate) return;
      pending.push(...fresh.map(({ text }) => text).filter((text) => !text.endsWith('…')));
      if (!isResting) announce();
    },
  };
}

function create({ at }) {
  const iso = new Date(at).toISOString();
  return h('li', {}, h('time', { dateTime: iso }, clock(at)), sign('plain'), h('span'));
}

function update(element, { tone, text }) {
  setAttribute(element, 'data-tone', tone);
  setSign(element.children[1], tone);
  setText(element.children[2], text);
}
