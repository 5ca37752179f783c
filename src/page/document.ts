import { randomUUID } from 'node:crypto';
import { html, type Markup } from './markup.ts';
import { type FormOptions, renderCart, renderLogin, renderPreferences, renderSessions } from './sections.ts';
import type { Origin, PageState } from './state.ts';
import { age, greet } from './words.ts';

export interface PageOptions {
  /** What went wrong, in words. */
  problem?: string;
  typed?: Record<string, string>;
  /** The browser is to ask again at once. */
  refresh?: boolean;
}

/** The visitor's page, whole. */
export function renderPage(origin: Origin, state: PageState, { problem = '', typed = {}, refresh }: PageOptions = {}) {
  const options: FormOptions = { key: randomUUID(), typed };
  const { lang, greeting } = greet(state.preferences.language);
  const name = state.user ? html`<bdi>${state.user.name}</bdi>` : 'stranger';
  return renderDocument(origin, {
    title: `${state.user?.name ?? 'A stranger'}, served by ${origin.replica}`,
    theme: state.preferences.theme ?? 'system',
    refresh,
    main: html`<main data-replica="${origin.replica}" data-started-at="${origin.startedAt.toISOString()}" data-session="${state.session?.handle ?? ''}">
        <header id="answer" data-tone="${toneOf(origin.replica)}">
          <div class="inner">
            <p class="brand">unsticky</p>
            <h1 id="greeting"><span lang="${lang}">${greeting}</span>, ${name}.</h1>
            <p class="sentence">This answer came from <b id="replica">${origin.replica}</b>.</p>
            <div id="last" hidden><h2 class="quiet" id="last-title">The last 20 answers</h2><ol id="dots" aria-labelledby="last-title"></ol><ul id="legend" aria-label="Of those 20, by replica"></ul></div>
            ${renderLived(state)}
            <noscript><p class="hint">With JavaScript this page also shows who gave the last 20 answers, and what this session has outlived.</p></noscript>
            <div class="fields">
              <form method="get" action="/"><button id="again" class="first">Ask again</button></form>
              <label id="keep" hidden><input type="checkbox" id="keep-asking" autocomplete="off"> Keep asking, once a second</label>
            </div>
          </div>
        </header>
        <div class="inner told"><p id="problem" role="alert">${problem}</p><p id="said" role="status" class="unseen"></p></div>
        <div class="inner cards">${[renderLogin, renderCart, renderPreferences, renderSessions].map((render) => render(state, options))}</div>
      </main>`,
  });
}

/** A form that was sent, to be sent again as it was. */
export interface SentForm {
  action: string;
  fields: Record<string, string>;
}

/** What is shown where the visitor's session is not known: the problem, and a way on. */
export function renderProblem(origin: Origin, title: string, words: string, sent?: SentForm): string {
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
            <p class="sentence" id="problem" role="alert">${words}</p>
            <p>This answer came from <b>${origin.replica}</b>.</p>
            <div class="fields">${again}<form method="get" action="/"><button id="again">To the page</button></form></div>
          </div>
        </header>
      </main>`,
  });
}

interface DocumentParts {
  title: string;
  theme: string;
  main: Markup;
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
    <link rel="stylesheet" href="/files/page.css">
    <link rel="stylesheet" href="/files/answer.css">
    <link rel="stylesheet" href="/files/cards.css">
    <script type="module" src="/files/page.js"></script>
  </head>
  <body>
    ${main}
    <footer class="inner" id="about">Version ${version}, started <time datetime="${startedAt.toISOString()}">${startedAt.toISOString().slice(11, 19)} UTC</time>. Looking at this page writes nothing on the server: what it counts, it counts in your browser.</footer>
  </body>
</html>
`.text;
}

/** The browser adds what the session has outlived. */
function renderLived({ session }: PageState): Markup {
  if (!session) return html`<p id="lived">Nothing is stored for you yet: log in, or put something into the cart.</p>`;
  const aged = `This session has lived ${age(session.livedMs)}`;
  return html`<p id="lived" data-aged="${aged}">${aged}.</p>`;
}

/** Replicas with a number have the colour of that number everywhere; for the others the browser chooses. */
function toneOf(replica: string): string {
  const [, number] = /-(\d{1,4})$/.exec(replica) ?? [];
  return number === undefined ? '' : String((Number(number) + 7) % 8);
}
