import { type Html, html } from '../markup.ts';

/** Where a report stands on the page. */
export interface Place {
  /** Begins the ids of all that is in it. */
  id: string;
  /** Of its own heading; those of its sections are one deeper. */
  level: 1 | 2;
  /** How many violations of a check are shown. */
  mostViolations: number;
}

export function section({ id, level }: Place, name: string, title: string, content: Html): Html {
  const heading = level === 1 ? html`<h2 id="${id}-${name}">${title}</h2>` : html`<h3 id="${id}-${name}">${title}</h3>`;
  return html`<section class="${name}" aria-labelledby="${id}-${name}">${heading}${content}</section>`;
}

export type Sign = 'good' | 'bad' | 'unknown';

const shapes: Record<Sign, Html> = {
  good: html`<path d="M7.5 12.5l3 3 6-7"/>`,
  bad: html`<path d="M8.5 8.5l7 7m0-7l-7 7"/>`,
  unknown: html`<path d="M9 9.5a3 3 0 1 1 4.2 2.7c-.8.4-1.2.9-1.2 1.8m0 2.9v.1"/>`,
};

/** A shape for what colour alone would say. Words must stand beside it. */
export function icon(sign: Sign): Html {
  return html`<svg class="icon ${sign}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/>${shapes[sign]}</svg>`;
}
