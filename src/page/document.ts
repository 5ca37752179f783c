import { randomUUID } from 'node:crypto';
import { html, type Html } from '../../web/html.ts';
import { type FormOptions, renderCart, renderLogin, renderPreferences, renderSessions } from './sections.ts';
import type { Origin, PageState } from './state.ts';
import { age, greet } from './messages.ts';

export interface PageOptions {
  /** What went wrong. */
  problem?: string;
  typed?: Record<string, string>;
  /** Makes the browser reload at once. */
  refresh?: boolean;
}

/** The visitor's page. */
export function renderPage(origin: Origin, state: PageState, { problem = '', typed = {}, refresh }: PageOptions = {}) {
  const options: FormOptions = { key: randomUUID(), typed };
  const { lang, greeting } = greet(state.preferences.language);
  const name = state.user ? html`<bdi>${state.user.name}</bdi>` : 'stranger';
  return renderDocument(origin, {
    title: `${state.user?.name ?? 'A stranger'}, served by ${origin.replica}`,
    theme: state.preferences.theme ?? 'system',
    refresh,
    main: html`<main data-replica="${origin.replica}" data-started-at="${origin.startedAt.toISOString()}" data-session="${state.session?.handle ?? ''}" data-live="${state.session?.isLive ? state.session.handle : ''}">
        <header id="answer" data-tone="${toneOf(origin.replica)}">
          <div class="inner">
            <p class="brand">unsticky</p>
            <h1 id="greeting"><span lang="${lang}">${greeting}</span>, ${name}.</h1>
            <p class="sentence">This response came from <b id="replica">${origin.replica}</b>.</p>
            <div id="last" hidden><h2 class="quiet" id="last-title">Last 20 responses</h2><ol id="dots" aria-labelledby="last-title"></ol><ul id="legend" aria-label="Responses by replica"></ul><p class="quiet" id="took"></p></div>
            ${renderLived(state)}
            <p class="hint" id="live" hidden></p>
            <noscript><p class="hint">With JavaScript this page also shows which replicas gave the last 20 responses, and the restarts this session survived.</p></noscript>
            <div class="fields">
              <form method="get" action="/"><button id="again" class="first">Send a request</button></form>
              <label id="keep" hidden><input type="checkbox" id="keep-asking" autocomplete="off"> Ask every second</label>
            </div>
          </div>
        </header>
        <div class="inner messages"><p id="problem" role="alert">${problem}</p><p id="announcer" role="status" class="visually-hidden"></p></div>
        <div class="inner cards">${[renderLogin, renderCart, renderPreferences, renderSessions].map((render) => render(state, options))}</div>
      </main>`,
  });
}

/** A form that was sent, to be sent again unchanged. */
export interface SentForm {
  action: string;
  fields: Record<string, string>;
}

/** The page without the visitor's session: the problem, and what to do next. */
export function renderProblem(origin: Origin, title: string, text: string, sent?: SentForm): string {
  const hidden = Object.entries(sent?.fields ?? {}).map(([name, value]) => {
    return html`<input type="hidden" name="${name}" value="${value}" autocomplete="off">`;
  });
  const again =
    sent &&
    html`<form method="post" action="${sent.action}">${hidden}<button class="first">Send it again</button></form>`;
  return renderDocument(origin, {
    title,
    theme: 'system',
    main: html`<main class="alone" data-replica="${origin.replica}" data-started-at="${origin.startedAt.toISOString()}">
        <header id="answer" class="bad">
          <div class="inner">
            <p class="brand">unsticky</p>
            <h1>${title}.</h1>
            <p class="sentence" id="problem" role="alert">${text}</p>
            <p>This response came from <b>${origin.replica}</b>.</p>
            <div class="fields">${again}<form method="get" action="/"><button id="again">To the page</button></form></div>
          </div>
        </header>
      </main>`,
  });
}

interface DocumentParts {
  title: string;
  theme: string;
  main: Html;
  refresh?: boolean | undefined;
}

function renderDocument({ version, startedAt }: Origin, { title, theme, main, refresh }: DocumentParts): string {
  return html`<!doctype html>
<html lang="en" data-theme="${theme}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    ${refresh && html`<meta http-equiv="refresh" content="0">`}
    <title>${title} · unsticky</title>
    <link rel="icon" href="/files/page.svg">
    <link rel="stylesheet" href="/files/base.css">
    <link rel="stylesheet" href="/files/page.css">
    <link rel="stylesheet" href="/files/answer.css">
    <link rel="stylesheet" href="/files/cards.css">
    <script type="module" src="/files/page.js"></script>
  </head>
  <body>
    ${main}
    <footer class="inner" id="about">Version ${version}, started <time datetime="${startedAt.toISOString()}">${startedAt.toISOString().slice(11, 19)} UTC</time>. Viewing this page writes nothing on the server; your browser counts.</footer>
  </body>
</html>
`.text;
}

/** The browser adds the restarts that the session survived. */
function renderLived({ session }: PageState): Html {
  if (!session) return html`<p id="lived">Nothing is stored for you yet: log in, or add an item to the cart.</p>`;
  const aged = `This session is ${age(session.livedMs)} old`;
  return html`<p id="lived" data-aged="${aged}">${aged}.</p>`;
}

/** A replica with a number has the colour of that number; for others the browser chooses one. */
function toneOf(replica: string): string {
  const [, number] = /-(\d{1,4})$/.exec(replica) ?? [];
  return number === undefined ? '' : String((Number(number) + 7) % 8);
}
