import { type Html, html } from '../../../web/html.ts';
import type { FaultTarget } from '../../users/history.ts';

/** The place of a report on the page. */
export interface Place {
  /** Prefix of all ids in it. */
  id: string;
  /** Level of its heading; headings of its sections are one deeper. */
  level: 1 | 2;
  /** How many violations of a check are shown. */
  maxViolations: number;
}

export function section({ id, level }: Place, name: string, title: string, content: Html): Html {
  const heading = level === 1 ? html`<h2 id="${id}-${name}">${title}</h2>` : html`<h3 id="${id}-${name}">${title}</h3>`;
  return html`<section class="${name}" aria-labelledby="${id}-${name}">${heading}${content}</section>`;
}

export interface Column {
  name: string;
  /** Aligned to the right, with digits of one width. */
  numeric?: boolean;
}

/**
 * A table whose first column names its row. On a narrow screen each row becomes a card and each cell says its column; the
 * roles are written out because a table that is laid out as blocks loses them.
 */
export function table(caption: string, columns: Column[], rows: Html[][]): Html {
  const heads = columns.map(({ name, numeric }) => {
    return html`<th role="columnheader" scope="col"${numeric && html` class="number"`}>${name}</th>`;
  });
  return html`
    <table role="table" class="cards">
      <caption>${caption}</caption>
      <thead role="rowgroup"><tr role="row">${heads}</tr></thead>
      <tbody role="rowgroup">${rows.map((cells) => tableRow(columns, cells))}</tbody>
    </table>`;
}

function tableRow(columns: Column[], cells: Html[]): Html {
  const rest = columns.slice(1).map(({ name, numeric }, index) => {
    return html`<td role="cell" data-column="${name}"${numeric && html` class="number"`}><div>${cells[index + 1]}</div></td>`;
  });
  return html`<tr role="row"><th role="rowheader" scope="row">${cells[0]}</th>${rest}</tr>`;
}

export type Sign = 'good' | 'bad' | 'unknown';

const shapes: Record<Sign, Html> = {
  good: html`<path d="M7.5 12.5l3 3 6-7"/>`,
  bad: html`<path d="M8.5 8.5l7 7m0-7l-7 7"/>`,
  unknown: html`<path d="M9 9.5a3 3 0 1 1 4.2 2.7c-.8.4-1.2.9-1.2 1.8m0 2.9v.1"/>`,
};

/** An icon for a state, so that colour is not its only sign. Text must be beside it. */
export function icon(sign: Sign): Html {
  return html`<svg class="icon ${sign}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/>${shapes[sign]}</svg>`;
}

/** Faults of one kind have one colour and pattern. */
export const faultKinds = { replica: 'a replica', redis: 'Redis', nginx: 'nginx' };

export type FaultKind = keyof typeof faultKinds;

export const kindOfTarget: Record<FaultTarget, FaultKind> = {
  replica: 'replica',
  fleet: 'replica',
  redis: 'redis',
  network: 'redis',
  nginx: 'nginx',
};
