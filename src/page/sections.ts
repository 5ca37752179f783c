import type { ListedSession } from '../routes/sessions.ts';
import { html, type Html } from '../../web/html.ts';
import type { PageState } from './state.ts';
import { plural } from '../../web/format.ts';
import { age, greetings, nameOfAgent } from './messages.ts';

/** The parts of a form; `key` identifies its request if it arrives twice (middleware/form.ts). */
export interface FormOptions {
  key: string;
  /** The fields of a form that was refused. */
  typed: Record<string, string>;
}

const form = ({ key }: FormOptions, action: string, content: Html) =>
  html`<form method="post" action="/page/${action}?key=${key}">${content}</form>`;

export function renderLogin({ user }: PageState, options: FormOptions): Html {
  const content = user
    ? html`<p>You are <b><bdi>${user.name}</bdi></b>, on every replica.</p>
        ${form(options, 'logout', html`<button id="logout">Log out</button>`)}`
    : form(
        options,
        'login',
        html`<label for="name">Name</label>
          <div class="fields">
            <input id="name" name="name" value="${options.typed.name ?? ''}" maxlength="64" autocomplete="nickname" required aria-describedby="name-hint">
            <button id="log-in" class="first">Log in</button>
          </div>
          <p id="name-hint" class="hint">Any name works: this login is simulated.</p>`,
      );
  return html`<section id="login" aria-labelledby="login-title"><h2 id="login-title" tabindex="-1">${user ? 'You' : 'Log in'}</h2>${content}</section>`;
}

export function renderCart({ items }: PageState, options: FormOptions): Html {
  const pieces = items.reduce((sum, { quantity }) => sum + quantity, 0);
  const rows = items.map(({ sku, quantity }) => {
    return html`<li><span><b class="figure">${quantity}</b> <bdi>${sku}</bdi></span><button id="remove-${sku}" name="sku" value="${sku}" aria-label="Remove ${sku}">Remove</button></li>`;
  });
  const list = form(options, 'cart-remove', html`<ul class="rows" id="items">${rows}</ul>`);
  const holds = `${plural(items.length, 'item')}, ${pieces} in total`;
  const add = html`<div class="fields">
      <div class="field"><label for="sku">Item</label><input id="sku" name="sku" value="${options.typed.sku ?? ''}" maxlength="64" autocomplete="off" spellcheck="false" placeholder="tea" required></div>
      <div class="field narrow"><label for="quantity">Quantity</label><input id="quantity" name="quantity" value="${options.typed.quantity ?? '1'}" type="number" min="1" max="99" required></div>
      <button id="add" class="first">Add</button>
    </div>`;
  return html`<section id="cart" aria-labelledby="cart-title"><h2 id="cart-title" tabindex="-1">Your cart</h2>
      <p class="hint">${items.length > 0 ? holds : 'It is empty.'}</p>
      ${items.length > 0 && list}${form(options, 'cart', add)}</section>`;
}

const themes = { system: 'System', light: 'Light', dark: 'Dark' };

export function renderPreferences({ preferences }: PageState, options: FormOptions): Html {
  const { theme = 'system', language = 'en' } = preferences;
  const languages: [string, string][] = Object.entries(greetings).map(([tag, [name]]) => [tag, name]);
  // The API accepts any language: saving the theme must not lose one that is not in the list.
  if (!languages.some(([tag]) => tag === language)) languages.unshift([language, `${language} (no greeting yet)`]);
  const select = (name: string, label: string, chosen: string, choices: [string, string][]) => {
    const options = choices.map(([value, text]) => {
      return value === chosen
        ? html`<option value="${value}" selected>${text}</option>`
        : html`<option value="${value}">${text}</option>`;
    });
    return html`<div class="field"><label for="${name}">${label}</label><select id="${name}" name="${name}" autocomplete="off">${options}</select></div>`;
  };
  const content = html`<div class="fields">
      ${select('theme', 'Theme', theme, Object.entries(themes))}
      ${select('language', 'Greeting', language, languages)}
      <button id="save">Save</button>
    </div>`;
  return html`<section id="preferences" aria-labelledby="preferences-title"><h2 id="preferences-title" tabindex="-1">Preferences</h2>${form(options, 'preferences', content)}</section>`;
}

export function renderSessions({ user, sessions }: PageState, options: FormOptions): Html {
  const list = form(options, 'session-end', html`<ul class="rows">${sessions.map(renderSession)}</ul>`);
  const everywhere = form(
    options,
    'logout-everywhere',
    html`<button id="logout-everywhere">Log out everywhere</button>`,
  );
  const content = user
    ? html`${list}${everywhere}`
    : html`<p class="hint">Not logged in. Log in here and in another browser.</p>`;
  return html`<section id="sessions" aria-labelledby="sessions-title"><h2 id="sessions-title" tabindex="-1">Where you are logged in</h2>${content}</section>`;
}

function renderSession({ id, current, lastSeenAt, userAgent }: ListedSession): Html {
  const name = nameOfAgent(userAgent);
  const seen = age(Math.max(0, Date.now() - lastSeenAt.getTime()));
  if (current) return html`<li><span>${name} <small>this browser</small></span></li>`;
  return html`<li><span>${name} <small>seen ${seen} ago</small></span><button id="end-${id}" name="id" value="${id}" aria-label="End ${name}, seen ${seen} ago">End</button></li>`;
}
